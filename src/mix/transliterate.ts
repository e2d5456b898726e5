/** Lower case; capitals follow. Cyrillic by the BGN/PCGN way without its diacritics, Greek by ELOT 743. */
const letters: Readonly<Record<string, string>> = {
  ...{ а: 'a', б: 'b', в: 'v', г: 'g', ґ: 'g', д: 'd', ђ: 'dj', е: 'e', ё: 'yo', є: 'ye', ж: 'zh', з: 'z' },
  ...{ и: 'i', і: 'i', ї: 'yi', й: 'y', ј: 'j', к: 'k', л: 'l', љ: 'lj', м: 'm', н: 'n', њ: 'nj', о: 'o' },
  ...{ п: 'p', р: 'r', с: 's', т: 't', ћ: 'c', у: 'u', ў: 'u', ф: 'f', х: 'kh', ц: 'ts', ч: 'ch', џ: 'dz' },
  ...{ ш: 'sh', щ: 'shch', ъ: '', ы: 'y', ь: '', э: 'e', ю: 'yu', я: 'ya' },
  ...{ α: 'a', β: 'v', γ: 'g', δ: 'd', ε: 'e', ζ: 'z', η: 'i', θ: 'th', ι: 'i', κ: 'k', λ: 'l', μ: 'm' },
  ...{ ν: 'n', ξ: 'x', ο: 'o', π: 'p', ρ: 'r', σ: 's', ς: 's', τ: 't', υ: 'y', φ: 'f', χ: 'ch', ψ: 'ps' },
  ...{ ω: 'o' },
};

/**
 * A name in letters that can be drawn: Cyrillic and Greek are transliterated, look-alikes (full width, styled) become
 * the letters they stand for, and what is in no alphabet of ours is left out, because a row of boxes says less than
 * nothing. Empty when nothing is left.
 *
 * @param isDrawn whether there is a drawing of a grapheme
 */
export function toDrawableText(text: string, isDrawn: (grapheme: string) => boolean): string {
  const graphemes = [...new Intl.Segmenter().segment(text.normalize('NFC'))].map(({ segment }) => segment);
  const drawn = graphemes.map((grapheme) => {
    if (isDrawn(grapheme)) return grapheme;
    const known = transliterated(grapheme);
    if (known !== undefined) return known;
    const plain = [...grapheme.normalize('NFKD')];
    if (plain.join('').trim() === '') return ' ';
    return plain.map((char) => (isDrawn(char) ? char : (transliterated(char) ?? ''))).join('');
  });
  return drawn.join('').replace(/ {2,}/g, ' ').trim();
}

function transliterated(char: string): string | undefined {
  const lower = char.toLowerCase();
  const latin = letters[lower];
  if (latin === undefined || lower === char) return latin;
  return latin.slice(0, 1).toUpperCase() + latin.slice(1);
}
