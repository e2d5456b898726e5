export type Role = 'host' | 'guest';

/** What the mixer needs to know of a participant beside its media. */
export interface ParticipantSettings {
  readonly role: Role;
  /** Shown as the label. */
  readonly name: string;
  /** Mix gain; 0 is unity. Range −60…+20. */
  readonly gainDb: number;
  readonly muted: boolean;
  /** Accepted by the host: only these appear in the mix. The host is always on air. */
  readonly onAir: boolean;
}
