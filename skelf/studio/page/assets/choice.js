// Beneath the timeline: what is chosen or marked, and what can be done with it.
import { desk, follows, rangeOf, percent, colourNumber } from "skelf-studio/desk.js";

const DIGITS = 9; // classes that have one

export default {
  template: `
    <div class="choice" role="region" aria-label="What is chosen">
      <div class="what" v-if="what">
        <span class="swatch" v-if="what.colour !== null" :style="paint(what.colour)" aria-hidden="true"></span>
        <span>{{ what.name }}</span>
        <span class="soft num">{{ what.said }}</span>
        <span class="soft num wide-only">{{ what.frames }}</span>
      </div>
      <span class="soft" v-else>Drag in the timeline to mark a stretch, or let the model ask:</span>
      <button v-for="[text, action, style] in buttons" :key="action" type="button" class="button" :class="style"
        :data-act="action" :title="text + '  ' + (keys[action] ?? '')">{{ text }}</button>
      <div class="chips" role="group" aria-label="Classes">
        <button v-for="(name, k) in classes" :key="name" type="button" class="chip" data-act="label" :data-detail="detail(name)"
          :title="'Label as ' + name">
          <span class="swatch" :style="paint(colours[k])" aria-hidden="true"></span><span>{{ name }}</span>
          <kbd v-if="k < digits" class="wide-only">{{ k + 1 }}</kbd>
        </button>
        <button type="button" class="button plain" data-act="new_class" :title="'New class  ' + keys.new_class">+ class</button>
      </div>
    </div>`,
  props: { keys: Object },
  data: () => ({ what: null, buttons: [], classes: [], colours: [], digits: DIGITS }),
  methods: {
    paint: (colour) => (colour < 0 ? "" : `background:var(--k${colour})`),
    detail: (label) => JSON.stringify({ label }),
    look() {
      const { chosen, marks, classes } = desk;
      this.classes = classes;
      this.colours = classes.map(colourNumber);
      this.what = chosen ? this.said(chosen) : marks ? { name: "Marked", colour: null, ...times(marks, "") } : null;
      if (chosen?.kind === "suggestion") this.buttons = [["Accept", "accept", "first"], ["Refuse", "refuse", ""], ["More like this", "similar", "wide-only"]];
      else if (chosen) this.buttons = [["Split", "split", ""], ["Join", "join", ""], ["More like this", "similar", ""], ["Remove", "remove", "bad"]];
      else this.buttons = marks ? [["More like this", "similar", ""]] : [["Next to label", "next", "first"]];
    },
    said(chosen) {
      const refused = desk.segments.some((s) => s.id === chosen.id && s.kind === "not");
      const more = chosen.kind === "label" ? (refused ? "refused here" : "")
        : chosen.kept ? "suggested before" : `suggested, ${percent(chosen.probability)}`;
      return { name: chosen.label, colour: colourNumber(chosen.label), ...times(chosen, more) };
    },
  },
  mounted() {
    this.look();
    this.end = follows((what) => { if (["chosen", "marks", "labels", "recording"].includes(what)) this.look(); });
  },
  unmounted() { this.end(); },
};

function times(stretch, more) {
  const range = rangeOf(stretch);
  return { said: more ? `${more} · ${range}` : range, frames: `${(stretch.end - stretch.start).toLocaleString("en")} frames` };
}
