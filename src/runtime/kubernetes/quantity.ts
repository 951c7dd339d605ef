const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes (`500m`, `16Gi`, `1e3`) as a number of whole units, such as cores and bytes; 0 for what is no quantity. */
export function quantity(text: string | undefined): number {
  const [, number = '', unit = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]{0,2})$/.exec(text ?? '') ?? [];
  const factor = FACTORS[unit];
  return number === '' || factor === undefined ? 0 : Number(number) * factor;
}
