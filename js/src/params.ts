/** Hyper-parameters as the panel has them: what each is set to, where it stands on its slider, what may be typed. */
import { numberOf } from "./columns";
import { readEdits } from "./edits";
import { counted, MINUS, significant, whole } from "./format";
import type { ParamInfo, Request } from "./schema.gen";

export type Setting = number | string | boolean;
export type Settings = Readonly<Record<string, Setting>>;

export const AUTO = "auto";

/** What was asked for, else the default. */
export function settingOf(info: ParamInfo, asked: Settings | undefined): Setting {
  return asked?.[info.name] ?? info.default;
}

export function isAuto(info: ParamInfo, setting: Setting): boolean {
  return info.auto && setting === AUTO;
}

const STEPS = 200;
const FEW = 400;

/** Steps of a number's slider. */
export interface Scale {
  last: number;
  valueAt(step: number): number;
  stepOf(value: number): number;
}

/** A range without an end reaches well beyond the present value; on a log scale 0 is the first step. */
export function scaleOf(info: ParamInfo, present: number): Scale {
  const size = Math.abs(present) || 1;
  const round = rounder(info);
  if (info.scale === "log") {
    const low = Math.max(info.min ?? size / 1000, info.min === 0 ? info.step || 1e-3 : 1e-12);
    const high = Math.max(info.max ?? size * 1000, low * 10);
    const from = info.min === 0 ? 1 : 0;
    const [first, width] = [Math.log(low), Math.log(high) - Math.log(low)];
    return {
      last: STEPS,
      valueAt(step) {
        if (step < from) return 0;
        if (step >= STEPS) return high;
        return step <= from ? low : round(Math.exp(first + (width * (step - from)) / (STEPS - from)));
      },
      stepOf(value) {
        if (value <= 0) return 0;
        const share = Math.max(0, Math.min(1, (Math.log(value) - first) / width));
        return Math.round(from + share * (STEPS - from));
      },
    };
  }
  const low = info.min ?? Math.min(0, present - 2 * size);
  const high = Math.max(info.max ?? present + 4 * size, low);
  const steps = Math.round((high - low) / (info.step || 1));
  const last = high > low ? (steps >= 1 && steps <= FEW ? steps : STEPS) : 0;
  return {
    last,
    valueAt: (step) => (step <= 0 ? low : step >= last ? high : round(low + ((high - low) * step) / last)),
    stepOf: (value) =>
      high > low ? Math.round((last * (Math.max(low, Math.min(high, value)) - low)) / (high - low)) : 0,
  };
}

/** No more digits than a step can tell apart. */
function rounder(info: ParamInfo): (value: number) => number {
  if (info.control === "int") return (value) => (value < 100 ? Math.round(value) : Number(value.toPrecision(2)));
  return (value) => Number(value.toPrecision(info.scale === "log" ? 2 : 6));
}

/** A setting as it is printed. */
export function settingText(info: ParamInfo, setting: Setting): string {
  if (typeof setting === "boolean") return setting ? "on" : "off";
  if (typeof setting === "string") return setting;
  if (info.control === "int") return whole(setting);
  const size = Math.abs(setting);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return significant(setting);
  return String(Number(setting.toPrecision(4))).replace("-", MINUS);
}

/** What somebody typed; undefined if the hyper-parameter cannot be that. */
export function parseSetting(typed: string, info: ParamInfo): Setting | undefined {
  const text = typed.trim();
  if (info.control === "text") return typed;
  if (info.auto && text.toLowerCase() === AUTO) return AUTO;
  const value = numberOf(text);
  if (!Number.isFinite(value) || (info.control === "int" && !Number.isInteger(value))) return undefined;
  if ((info.min !== null && value < info.min) || (info.max !== null && value > info.max)) return undefined;
  return value;
}

/** How long a control is at rest before it counts: a fit is cheap, the model's answers are not. */
export const WAIT_MS: Record<ParamInfo["cost"], number> = { solve: 60, evaluate: 300, rebuild: 500 };

/** Hyper-parameters that decide where the input is cut: what was done to pieces or words no longer fits. */
const CUTS = new Set(["segmentation", "n_segments", "split"]);

/** Edits that name pieces or words by their number. */
const OF_PIECES = new Set(["hide", "show", "strike", "restore", "replace", "insert"]);

/** Hyper-parameters that show a preview on the photo before anything is explained with them. */
export const isCut = (name: string) => name === "segmentation" || name === "n_segments";

/** The request after a change of settings; `infos` tell what those are that were never asked for. */
export function withSettings(
  request: Request,
  change: Settings,
  infos: readonly ParamInfo[] = [],
): Pick<Request, "params" | "edits"> {
  const params = { ...request.params, ...change };
  const now = (name: string) => request.params?.[name] ?? infos.find((info) => info.name === name)?.default;
  const anew = Object.entries(change).some(([name, setting]) => CUTS.has(name) && setting !== now(name));
  if (!anew || !request.edits?.length) return { params };
  return { params, edits: request.edits.filter(({ op }) => !OF_PIECES.has(op)) };
}

/** What another cut took away of the changes by hand, in words; "" if nothing. */
export function lostToCut(before: Request, after: Request): string {
  const cut = ({ params }: Request) => [...CUTS].map((name) => params?.[name]).join();
  if (cut(before) === cut(after) || after.edits?.some(({ op }) => OF_PIECES.has(op))) return "";
  const { hidden, struck, replaced, inserted } = readEdits(before.edits ?? []);
  const things = hidden.size > 0 ? "hidden pieces" : "changed words";
  const count = hidden.size + struck.size + replaced.size + inserted.length;
  return count > 0 ? `Cut anew: ${counted(count, things)} put back.` : "";
}

/** What stays when the method changes: how the input is cut and hidden. */
export function inputSettings(infos: readonly ParamInfo[], asked: Settings | undefined): Record<string, Setting> {
  const kept = infos.filter(({ name, part }) => part === "input" && asked?.[name] !== undefined);
  return Object.fromEntries(kept.map(({ name }) => [name, (asked as Settings)[name] as Setting]));
}
