// What is chosen, while all else is replaced: the model suggests anew after every label, and another window may label
// too. A person answers what they have seen, so what is chosen stays until they go on, or until it is answered.

const shared = (a, b) => Math.min(a.end, b.end) - Math.max(a.start, b.start); // frames

// What is chosen as it is among new labels and suggestions: itself; of suggestions of its class the one that shares
// most frames with it; else a suggestion stays as it was seen (`kept`). Null: it is answered, or a label that is gone.
export function lasting(chosen, segments, suggestions) {
  if (chosen.kind === "label") {
    const same = segments.find((s) => s.id === chosen.id);
    return same ? { ...same, kind: "label" } : null;
  }
  let best = suggestions.find((s) => s.id === chosen.id), most = 0;
  if (!best) {
    for (const s of suggestions) if (s.label === chosen.label && shared(s, chosen) > most) [best, most] = [s, shared(s, chosen)];
  }
  if (best) return { ...best, kind: "suggestion" };
  return answered(chosen, segments) ? null : { ...chosen, kept: true };
}

// Whether labels say what most of a suggestion is, or that it is not this.
export function answered(one, segments) {
  let frames = 0;
  for (const s of segments) if (s.kind === "is" || s.label === one.label) frames += Math.max(0, shared(s, one));
  return 2 * frames > one.end - one.start;
}

// The suggestion before or after another one, which need not be there any more; before or after a frame without one.
export function beside(suggestions, one, frame, by) {
  const list = [...suggestions].sort(order);
  if (!list.length) return null;
  const is = by > 0
    ? (s) => (one ? order(s, one) > 0 : s.end > frame)
    : (s) => (one ? order(s, one) < 0 : s.start < frame);
  const at = by > 0 ? list.findIndex(is) : list.findLastIndex(is);
  return list[at >= 0 ? at : by > 0 ? 0 : list.length - 1]; // around the ends
}

function order(a, b) { return a.start - b.start || a.end - b.end || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0); }
