// The suggestions, or the labels, of the recording that is open, in time's order. They are those of the timeline, so
// that a new label or answer costs no more than the rows that it changes.
import { desk, follows, pick, act, leave, clockOf, rangeOf, percent, colourNumber } from "skelf-studio/desk.js";

const MOST = 200; // rows

export default {
  template: `
    <section>
      <h2>In this recording: {{ count }}
        <span v-if="total > count" class="soft">of {{ total.toLocaleString("en") }} in all</span>
        <button v-if="kind === 'label'" type="button" class="button plain" data-act="finish" :title="'Labelled to the end, or not any more  ' + keys.finish">
          {{ done ? "Open again" : "Mark as labelled to the end" }}</button>
      </h2>
      <p v-if="note && (warn || !count)" :class="warn ? 'note warn' : 'soft'">{{ note }}</p>
      <div v-if="surest.length" class="actions">
        <button type="button" class="button" @click="acceptAll">Accept the {{ surest.length }} of {{ percent(sure) }} or more</button>
      </div>
      <ul class="rows">
        <li v-for="(row, k) in rows" :key="kind === 'label' ? row.id : k">
          <button type="button" class="row-item" :aria-current="row.id === chosen" @click="choose(row)">
            <span class="swatch" :style="row.colour < 0 ? '' : 'background:var(--k' + row.colour + ')'" aria-hidden="true"></span>
            <span class="name">{{ row.name }}</span>
            <span class="end" v-if="kind === 'label'">{{ row.time }}</span>
            <span class="end" v-else><span>{{ row.time }}</span>
              <span class="share" aria-hidden="true"><span class="bar"><span :style="'width:' + row.share + '%'"></span></span></span>
              <span class="num">{{ row.share }} %</span></span>
          </button>
        </li>
      </ul>
      <p v-if="more" class="soft">{{ more.toLocaleString("en") }} more in the timeline.</p>
    </section>`,
  props: { kind: String, keys: Object, sure: Number, total: Number, note: String, warn: Boolean },
  data: () => ({ rows: [], count: 0, more: 0, surest: [], chosen: "", done: false }),
  methods: {
    percent,
    look() {
      const all = this.kind === "label" ? desk.segments : desk.suggestions, list = [...all].sort((a, b) => a.start - b.start);
      this.rows = list.slice(0, MOST).map((s) => (this.kind === "label" ? this.label(s) : this.guess(s)));
      this.count = all.length;
      this.more = Math.max(0, all.length - MOST);
      this.surest = this.kind === "label" ? [] : Object.freeze(list.filter((s) => s.probability >= this.sure && !s.kept));
      this.done = desk.finished;
      this.mind();
    },
    mind() { this.chosen = desk.chosen?.kind === this.kind ? desk.chosen.id : ""; },
    label(s) {
      return { id: s.id, name: s.kind === "not" ? `not ${s.label}` : s.label, colour: s.kind === "not" ? -1 : colourNumber(s.label), time: rangeOf(s) };
    },
    guess(s) {
      return { id: s.id, name: s.label, colour: colourNumber(s.label), time: clockOf(s.start).slice(0, -1), share: Math.round(100 * s.probability) };
    },
    choose(row) {
      const found = (this.kind === "label" ? desk.segments : desk.suggestions).find((s) => s.id === row.id);
      if (found) pick({ ...found, kind: this.kind });
    },
    // Those that are shown, whatever the model says meanwhile.
    acceptAll() {
      const those = this.surest.map(({ start, end, label }) => ({ start, end, label })), gone = [...this.surest];
      act("accept_all", { those });
      leave(gone);
    },
  },
  mounted() {
    this.look();
    this.end = follows((what) => {
      if (what === "labels" || what === "recording") this.look();
      if (what === "chosen") this.mind();
    });
  },
  unmounted() { this.end(); },
};
