/** Where a sample lies in the file and when it is decoded. Times in its track's timescale, edits not applied. */
export interface SampleInfo {
  /** In bytes from the start of the file. */
  readonly offset: number;
  readonly size: number;
  readonly dts: number;
  readonly duration: number;
  /** Presentation less decoding time. */
  readonly compositionOffset: number;
  readonly isSync: boolean;
  /** Of its sample entry, from 1. */
  readonly descriptionIndex: number;
}
