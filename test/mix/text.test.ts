import { describe, expect, it } from 'vitest';
import { drawable, drawText, initialsOf } from '../../src/mix/text.js';

describe('names as labels', () => {
  it.each([
    ['Zoë Ödegård', 'Zoë Ödegård'],
    ['Анна Щукина', 'Anna Shchukina'],
    ['Юлія', 'Yuliya'],
    ['Σωκράτης', 'Sokratis'],
    ['Ａｄａ', 'Ada'],
    ['Bo 🎸 Li', 'Bo Li'],
    ['山田 Yamada', 'Yamada'],
    ['山田太郎', ''],
    ['مريم', ''],
  ])('draws %s as "%s"', (name, expected) => {
    expect(drawable(name)).toBe(expected);
  });

  it('has initials of what can be drawn, and a question mark without any', () => {
    expect(initialsOf('Анна Щукина')).toBe('AS');
    expect(initialsOf('山田太郎')).toBe('?');
  });

  it('puts ink down for every name that is not empty', () => {
    expect(drawText('Анна', 20, 400).coverage.some((value) => value > 200)).toBe(true);
  });
});
