// A new link pasted over the old one changes nothing but the fragment: without this the page would not notice.
addEventListener('hashchange', () => location.reload());

/**
 * Takes the token out of the address: `#key=…` or `#token=…` (also `?token=…`, which some chat programs insist on).
 * It is kept for this tab and removed from the address bar, so that a shared screen shows no key.
 *
 * @param scope what the token is good for, e.g. `host:my-room`
 */
export function takeToken(scope: string): string | undefined {
  const name = `anchornet:${scope}`;
  const fragment = new URLSearchParams(location.hash.slice(1));
  const query = new URLSearchParams(location.search);
  const given = fragment.get('key') ?? fragment.get('token') ?? query.get('token');
  if (given === null || given === '') return sessionStorage.getItem(name) ?? undefined;
  sessionStorage.setItem(name, given);
  history.replaceState(null, '', location.pathname);
  return given;
}

export function keepToken(scope: string, token: string): void {
  sessionStorage.setItem(`anchornet:${scope}`, token);
}

export function keptToken(scope: string): string | undefined {
  return sessionStorage.getItem(`anchornet:${scope}`) ?? undefined;
}

export function forgetToken(scope: string): void {
  sessionStorage.removeItem(`anchornet:${scope}`);
}
