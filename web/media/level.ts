const REFRESH_MS = 60;
/** Quieter than this shows as nothing. */
const FLOOR_DB = -60;

let context: AudioContext | undefined;

/** Loudness of a stream's audio, 0…1 over −60…0 dBFS, until the returned function is called. */
export function watchLevel(stream: MediaStream, onLevel: (level: number) => void): () => void {
  if (stream.getAudioTracks().length === 0) return () => undefined;
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume().catch(() => undefined);
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const peak = samples.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
    onLevel(Math.max(0, 1 - (20 * Math.log10(Math.max(peak, 1e-6))) / FLOOR_DB));
  }, REFRESH_MS);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}
