/** What the view says, as plain strings and bold ones: user text never becomes HTML. */
import type { PixelValues } from "./estimate";
import {
  counted,
  decimalsFor,
  duration,
  fixed,
  prediction,
  rate,
  shortened,
  signed,
  significant,
  UNKNOWN,
  whole,
} from "./format";
import { couldBeZero } from "./scales";
import type { Geometry, OutputUnit, Status } from "./schema.gen";
import type { Link, Picture } from "./store";

export type Rich = (string | { bold: string })[];

export const bold = (text: string) => ({ bold: text });

export function plain(rich: Rich): string {
  return rich.map((part) => (typeof part === "string" ? part : part.bold)).join("");
}

/** Words before the outputs. */
export function headUnit(unit: OutputUnit): string {
  return { probability: "probability of", logit: "logit of", raw: "predicted" }[unit];
}

/** What stands after a raw number: a rate is not what the prediction is counted in. */
export function unitAfter(unit: OutputUnit, valueUnit: string): string {
  const silent = ["raw", "probability", "logit", ""].includes(valueUnit) || valueUnit.includes("per ");
  return unit !== "raw" || silent ? "" : valueUnit;
}

/** What features are called in this picture. */
export function featureWord(geometry: Geometry | null): string {
  const layout = geometry?.layout;
  if (layout?.type === "tokens") return layout.units || "words";
  if (layout?.type === "pixels") return layout.labels ? "pieces" : "pixels";
  if (layout?.type === "steps") return "steps";
  return "features";
}

/** What the input is called. */
export function inputWord(geometry: Geometry | null): string {
  const type = geometry?.layout.type;
  return type === "tokens" ? "text" : type === "pixels" ? "photo" : type === "columns" ? "row" : "input";
}

const seed = (randomState: number | null | undefined) => (randomState == null ? "no seed" : `seed ${randomState}`);

/** `settled · 3,000 rows · < 0.1 s · seed 0` */
export function stateLine(status: Status | null, picture: Picture, link: Link): Rich {
  const { estimate } = picture;
  const tail = estimate ? [seed(estimate.random_state)] : [];
  if (link === "saved" || link === "gone") {
    const rows = status?.rows || estimate?.n_rows || 0;
    return [["saved", ...(rows ? [counted(rows, "rows")] : []), ...tail].join(" · ")];
  }
  if (!status || status.state === "idle") return ["waiting to start"];
  const { state, rows, total, seconds } = status;
  const of = total === null ? counted(rows, "rows") : `${whole(rows)} of ${counted(total, "rows")}`;
  // the estimate is done and stands; the model is still asked for what the sliders draw
  const ended =
    estimate && estimate.run === status.run && (estimate.state === "settled" || estimate.state === "capped");
  if (state === "running" && ended)
    return [
      [estimate.state === "capped" ? "finished" : "settled", counted(rows, "rows"), "curves to come"].join(" · "),
    ];
  if (state === "running") {
    if (rows === 0) return [`calling the model · ${total === null ? "0 rows" : of}`];
    const done = total ? Math.min(99, Math.floor((100 * rows) / total)) : null;
    const facts = [of];
    if (status.rate) facts.push(rate(status.rate));
    if (status.seconds_left !== null) facts.push(`${duration(status.seconds_left)} left`);
    return done === null ? [facts.join(" · ")] : [bold(`${done} %`), ` · ${facts.join(" · ")}`];
  }
  if (state === "failed") return [rows > 0 ? `failed after ${counted(rows, "rows")}` : "failed"];
  if (state === "stopped") return [bold("stopped"), ` · ${[of, ...tail].join(" · ")}`];
  const word = state === "capped" ? "finished" : "settled";
  return [[word, counted(rows, "rows"), duration(seconds), ...tail].join(" · ")];
}

/** What is said of a kernel that does not answer, and of one that cannot. */
export const QUIET = "No answer from the kernel yet.";
export const LOST = "The connection to the kernel is lost. Changes are sent when it is back.";
export const GONE = "The kernel has gone; this is the last picture.";

/** What is read aloud: the start, each quarter, the end. */
export function announcement(status: Status | null): string {
  if (!status) return "";
  if (status.state !== "running") return plain(stateLine(status, { estimate: null } as Picture, "live"));
  if (!status.total || status.rows === 0) return "calling the model";
  const quarter = Math.floor((4 * status.rows) / status.total) * 25;
  return quarter >= 25 && quarter < 100 ? `${quarter} % of the model calls done` : "calling the model";
}

const list = (names: string[]): Rich =>
  names.flatMap((name, i) => (i ? [", ", bold(shortened(name))] : [bold(shortened(name))]));

/** `Raised most by a, b, c; lowered by d, e.` */
/** A feature with less than this share of the largest weight is not worth a name in the sentence. */
const NAMED_SHARE = 0.02;

export function sentence(values: Float32Array, errors: Float32Array | null, names: (i: number) => string): Rich {
  const size = (i: number) => Math.abs(values[i] as number);
  const least = NAMED_SHARE * values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const [raises, lowers]: [number[], number[]] = [[], []];
  values.forEach((value, i) => {
    const side = value > 0 ? raises : lowers;
    // few of a text's thousands come this far
    if (value === 0 || !(size(i) >= least) || (side.length === 3 && size(i) <= size(side[2] as number))) return;
    if (couldBeZero(value, errors?.[i])) return;
    const place = side.findIndex((other) => size(i) > size(other));
    side.splice(place < 0 ? side.length : place, 0, i);
    side.length = Math.min(side.length, 3);
  });
  return namesSentence(raises.map(names), lowers.slice(0, raises.length ? 2 : 3).map(names));
}

export function namesSentence(raises: string[], lowers: string[]): Rich {
  if (raises.length && lowers.length)
    return ["Raised most by ", ...list(raises), "; lowered by ", ...list(lowers), "."];
  if (raises.length) return ["Raised most by ", ...list(raises), "; nothing clearly lowers it."];
  if (lowers.length) return ["Lowered most by ", ...list(lowers), "; nothing clearly raises it."];
  return ["Nothing stands out from zero yet."];
}

/** `30 of 56 pieces raise it, 5 lower it, 21 could be zero.` */
export function countSentence(values: Float32Array, errors: Float32Array | null, things: string): Rich {
  let [raise, lower, zero] = [0, 0, 0];
  values.forEach((value, i) => {
    if (value === 0 || couldBeZero(value, errors?.[i])) zero++;
    else if (value > 0) raise++;
    else lower++;
  });
  return [`${raise} of ${counted(values.length, things)} raise it, ${lower} lower it, ${zero} could be zero.`];
}

const PLACES = "upper left,top,upper right,left,centre,right,lower left,bottom,lower right".split(",");

/** Where in a picture a point is, from its shares of width and height: in which of nine parts. */
const partAt = (x: number, y: number) => 3 * Math.min(2, Math.floor(3 * y)) + Math.min(2, Math.floor(3 * x));

export const placeAt = (x: number, y: number) => PLACES[partAt(x, y)] as string;

/** Of a picture of a million pixels a sample is told. */
const TOLD = 256;

/** `65 % of the weight raises it, most at the upper left; 35 % lowers it, most at the bottom.` */
export function mapSentence({ values, width, height }: PixelValues): Rich {
  const step = Math.ceil(Math.max(width, height) / TOLD);
  const [raises, lowers] = [new Float64Array(9), new Float64Array(9)];
  for (let y = 0; y < height; y += step)
    for (let x = 0; x < width; x += step) {
      const value = values[y * width + x] as number;
      const side = value > 0 ? raises : lowers;
      const part = partAt(x / width, y / height);
      side[part] = (side[part] as number) + Math.abs(value);
    }
  const [up, down] = [raises, lowers].map((side) => side.reduce((sum, weight) => sum + weight, 0)) as [number, number];
  if (!(up + down > 0)) return ["No pixel changes this output."];
  const share = Math.round((100 * up) / (up + down));
  const most = (side: Float64Array) => `most at the ${PLACES[side.indexOf(Math.max(...side))]}`;
  const said = [
    up > 0 && `${share} % of the weight raises it, ${most(raises)}`,
    down > 0 && `${100 - share} % ${up > 0 ? "" : "of the weight "}lowers it, ${most(lowers)}`,
  ];
  return [`${said.filter(Boolean).join("; ")}.`];
}

/** `5 of 19 features could be zero: hollow bars.` */
export function doubt(values: Float32Array, errors: Float32Array | null, things: string, drawn: string): string {
  if (!errors) return "";
  const zero = values.reduce((sum, value, i) => sum + Number(couldBeZero(value, errors[i])), 0);
  return zero ? `${zero} of ${counted(values.length, things)} could be zero: ${drawn}.` : "";
}

/** `fits well, R² 0.92` */
export function fitWords(r2: number, says: number, unit: OutputUnit): string {
  if (!Number.isFinite(r2)) return "";
  const rounded = `R\u00b2 ${fixed(r2, 2)}`;
  if (r2 >= 0.8) return `fits well, ${rounded}`;
  if (r2 >= 0.5) return `fits roughly, ${rounded}`;
  const said = unit === "probability" ? fixed(says, 2) : significant(says);
  return `fits poorly, ${rounded}${Number.isFinite(says) ? `; says ${said}` : ""}`;
}

export function poorFit(r2: number, says: number, model: number, unit: OutputUnit, near: string): string {
  const share = r2 > 0.005 ? `${Math.round(100 * r2)} %` : "nothing";
  const number = (value: number) => (unit === "probability" ? fixed(value, 2) : significant(value));
  return (
    ` The linear stand-in explains ${share} of the model's behaviour near this ${near} (R\u00b2 ${fixed(r2, 2)})` +
    ` and says ${number(says)} where the model says ${number(model)}.`
  );
}

/** What is absent in the base value. */
export function baseWord(geometry: Geometry | null, surrogate: boolean): string {
  if (surrogate) return "intercept";
  const layout = geometry?.layout;
  if (layout?.type === "tokens") return `no ${layout.units || "words"}`;
  if (layout?.type === "pixels") return layout.fill.startsWith("blur") ? "all blurred" : "all hidden";
  return "average";
}

/** What a hidden piece is replaced with. */
export function fillWords(fill: string): string {
  const known: Record<string, string> = {
    mean: "Hidden pieces take their mean colour.",
    blur: "Hidden pieces are blurred.",
    grey: "Hidden pieces are grey.",
    gray: "Hidden pieces are grey.",
    noise: "Hidden pieces are noise.",
    background: "Hidden pieces show other images.",
    black: "Hidden pieces are black.",
    zeros: "Hidden pieces are black.",
    white: "Hidden pieces are white.",
  };
  return known[fill] ?? (fill ? `Hidden pieces are filled with ${fill}.` : "");
}

/** The decision threshold of the chosen output. Of two probabilities the second is the one that it is set for. */
export function thresholdOf(geometry: Geometry, target: number): number | null {
  const { threshold, n_outputs, output_unit } = geometry;
  if (threshold === null) return null;
  if (n_outputs !== 2 || target === 1) return threshold;
  return output_unit === "probability" ? 1 - threshold : -threshold;
}

/** A gap below this share of what is to be explained is said as how much adds up. */
const NEARLY = 0.01;

/** `adds up exactly`, `adds up to 99.97 %`, `0.021 unexplained, in layer norm2`; `moved` is what is to be explained. */
export function gapWords(gap: number, unexplained: [string, number][], decimals: number, moved = Number.NaN): string {
  if (!Number.isFinite(gap)) return "";
  const size = fixed(Math.abs(gap), decimals);
  if (!/[1-9]/.test(size)) return "adds up exactly";
  const places = unexplained.slice(0, 2).map(([place]) => place);
  const where = places.length ? `, in ${places.join(" and ")}` : "";
  const share = Math.abs(gap / moved);
  // rounded down: what does not add up is never said as 100 %
  if (share < NEARLY)
    return `adds up to ${(Math.floor(1e4 * (1 - share)) / 100).toFixed(2)} %, ${size} unexplained${where}`;
  return `${size} unexplained${where}`;
}

/** Name, value and interval of one feature, for tips and screen readers. */
export function reading(value: number, error: number | undefined, unit: OutputUnit, end: number): string {
  const decimals = decimalsFor(unit, end);
  const half = error !== undefined && Number.isFinite(error) ? ` \u00b1${fixed(1.96 * error, decimals)}` : "";
  return `${signed(value, decimals)}${half}${couldBeZero(value, error) ? ", could be zero" : ""}`;
}

export { prediction, UNKNOWN };
