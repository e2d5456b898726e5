/**
 * The doorway to libav. Rules of this folder, each of which is a killed process when broken: options by `setOption`
 * before `open2Sync(codec, null)`, never a dictionary; synchronous calls only; frames and packets are allocated once
 * and reused with `unref()`; geometry, format and channels are checked before every send; plane views are never used
 * after `unref()` or `free()`; `freeContext()` always, and nothing after it.
 */
import { AV_CHANNEL_ORDER_NATIVE, AV_LOG_QUIET } from 'node-av/constants';
import { FFmpegError, Frame, Log, Packet, type ChannelLayout } from 'node-av/lib';
import { NativeError } from '../base/errors.js';

// Damage in live media is counted by the callers; libav's own lines about it would flood stderr.
Log.setLevel(AV_LOG_QUIET);

// AV_CH_LAYOUT_* of libavutil/channel_layout.h by channel count, in the order that AAC and Opus use.
const nativeMasks: Readonly<Record<number, bigint>> = {
  1: 0x4n,
  2: 0x3n,
  3: 0x7n,
  4: 0x107n,
  5: 0x37n,
  6: 0x3fn,
  7: 0x70fn,
  8: 0x63fn,
};

/** @throws NativeError for a channel count without a native layout */
export function nativeLayout(channels: number): ChannelLayout {
  const mask = nativeMasks[channels];
  if (mask === undefined) throw new NativeError(`channels: expected 1 to 8, got ${channels}`);
  return { order: AV_CHANNEL_ORDER_NATIVE, nbChannels: channels, mask };
}

/** @throws NativeError naming the call when libav answered with a negative code */
export function check(result: number, call: string): number {
  if (result < 0) throw new NativeError(`libav ${call}: ${FFmpegError.strerror(result)} (${result})`);
  return result;
}

export function newFrame(): Frame {
  const frame = new Frame();
  frame.alloc();
  return frame;
}

export function newPacket(): Packet {
  const packet = new Packet();
  packet.alloc();
  return packet;
}
