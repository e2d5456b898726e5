/**
 * Sends a message to the process that forked this one.
 *
 * @returns when it has been handed over: a child that disconnects before would lose a long one. At once when the parent
 *   is gone, for then nobody wants to know.
 */
export function tellParent(message: object): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
