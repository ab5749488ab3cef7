/** The hyper-parameters of the method and of how the input is cut: one control for each spec that Python sends. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Fold } from "../components/fold";
import { Groove } from "../components/groove";
import { OWN_KEYS } from "../components/keys";
import { Push } from "../components/push";
import { useShared } from "../components/shared";
import {
  AUTO,
  isAuto,
  isCut,
  parseSetting,
  type Setting,
  type Settings,
  scaleOf,
  settingOf,
  settingText,
  WAIT_MS,
  withSettings,
} from "../params";
import type { ParamInfo } from "../schema.gen";
import type { Store } from "../store";

export function Panel({ store }: { store: Store }) {
  const infos = store.geometry.value?.params ?? [];
  const { draft, set, flush } = useDraft(store);
  if (!store.reachable.value || infos.length === 0) return null;
  const asked = store.request.value.params;
  const used = store.picture.value.estimate?.params;
  const now = { ...asked, ...draft };
  const part = (name: ParamInfo["part"]) => infos.filter((info) => info.part === name);
  const changed = infos.filter((info) => settingOf(info, asked) !== info.default).length;
  const rows = (some: ParamInfo[]) =>
    some.map((info) => (
      <PanelRow
        key={info.name}
        info={info}
        setting={settingOf(info, now)}
        used={used?.[info.name]}
        set={(value) => set(info, value)}
        flush={() => flush(info)}
      />
    ));
  return (
    <Fold
      store={store}
      name="panel"
      class="jx-panel"
      summary={
        <>
          <span>Settings</span>
          {changed > 0 && <span class="q s">{`${changed} changed`}</span>}
        </>
      }
    >
      <div class="pn">{rows(part("method"))}</div>
      {part("input").length > 0 && (
        <>
          <div class="hd">what is hidden, and how</div>
          <div class="pn">{rows(part("input"))}</div>
        </>
      )}
      <Push
        able={changed > 0}
        act={() => store.ask({ ...withSettings(store.request.peek(), defaults(infos), infos), params: {} })}
      >
        Defaults
      </Push>
    </Fold>
  );
}

const defaults = (infos: readonly ParamInfo[]) => Object.fromEntries(infos.map((info) => [info.name, info.default]));

/** Settings that stand on the screen already and are asked for once the hand rests: the newest wins. */
function useDraft(store: Store) {
  const [draft, setDraft] = useShared<Settings>(store, "draft", {});
  const newest = useRef<Settings>({});
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const ask = () => {
    clearTimeout(timer.current);
    const change = newest.current;
    newest.current = {};
    setDraft({});
    const asked = store.request.peek().params;
    if (Object.entries(change).some(([name, value]) => asked?.[name] !== value))
      store.ask(withSettings(store.request.peek(), change, store.geometry.peek()?.params));
    else store.tryCut(null);
  };
  const later = (info: ParamInfo) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(ask, WAIT_MS[info.cost]);
  };
  return {
    draft,
    set(info: ParamInfo, value: Setting) {
      newest.current = { ...newest.current, [info.name]: value };
      setDraft(newest.current);
      if (isCut(info.name)) store.tryCut({ ...store.request.peek().params, ...newest.current });
      // a cut is looked at while the hand moves, and explained when it lets go
      if (info.name === "n_segments") clearTimeout(timer.current);
      else later(info);
    },
    flush(info: ParamInfo) {
      if (info.name in newest.current) later(info);
    },
  };
}

interface RowProps {
  info: ParamInfo;
  setting: Setting;
  /** What the last run made of it. */
  used: Setting | undefined;
  set: (value: Setting) => void;
  flush: () => void;
}

function PanelRow({ info, setting, used, set, flush }: RowProps) {
  const id = useId();
  const number = info.control === "int" || info.control === "float";
  const props = { info, setting, used, set, flush, described: `${id}-d` };
  return (
    <div class={`pn-r${setting === info.default ? "" : " moved"}`}>
      <span class="lb">{info.label}</span>
      {number ? (
        <NumberControl {...props} />
      ) : info.control === "bool" ? (
        <Switch {...props} />
      ) : info.control === "choice" ? (
        <Choice {...props} />
      ) : (
        <Free {...props} />
      )}
      <span class="s q ds" id={`${id}-d`}>
        {info.doc}
      </span>
    </div>
  );
}

type ControlProps = RowProps & { described: string };

function NumberControl({ info, setting, used, set, flush, described }: ControlProps) {
  const auto = isAuto(info, setting);
  const found = typeof setting === "number" ? setting : typeof used === "number" ? used : null;
  const known = found ?? Number(info.min ?? 1);
  const scale = scaleOf(info, known);
  const step = scale.stepOf(known);
  const text = auto
    ? `auto${typeof used === "number" ? `, ${settingText(info, used)}` : ""}`
    : settingText(info, setting);
  return (
    <>
      <Groove
        plain
        label={info.label}
        valueText={text}
        step={step}
        last={scale.last}
        line={[]}
        dot={[found === null ? Number.NaN : scale.last ? step / scale.last : 0, 0.5]}
        unconfirmed={auto}
        disabled={scale.last === 0}
        onInput={(to) => set(scale.valueAt(to))}
        onRelease={flush}
        onKey={(key) => {
          if (key === "original" && setting !== info.default) {
            set(info.default);
            flush();
          }
          return key === "original";
        }}
      />
      <span class="rd">
        <Typed
          info={info}
          text={found === null ? "" : settingText(info, found)}
          faint={auto}
          described={described}
          set={set}
          flush={flush}
        />
        {info.auto && (
          <button
            type="button"
            class="lnk"
            aria-pressed={auto}
            aria-label={`auto: ${info.label}`}
            onClick={() => {
              set(auto ? known : AUTO);
              flush();
            }}
          >
            auto
          </button>
        )}
      </span>
    </>
  );
}

interface TypedProps {
  info: ParamInfo;
  text: string;
  faint: boolean;
  described: string;
  set: (value: Setting) => void;
  flush: () => void;
}

/** Enter applies, Esc restores. */
function Typed({ info, text, faint, described, set, flush }: TypedProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const wrong = typed !== null && parseSetting(typed, info) === undefined;
  const apply = () => {
    const value = typed === null ? undefined : parseSetting(typed, info);
    setTyped(null);
    if (value === undefined || typed === text) return;
    set(value);
    flush();
  };
  return (
    <input
      {...OWN_KEYS}
      class={faint ? "q" : ""}
      value={typed ?? text}
      inputMode={info.control === "text" ? "text" : "decimal"}
      aria-label={info.control === "text" ? info.label : `${info.label}, typed`}
      aria-describedby={described}
      aria-invalid={wrong}
      size={Math.max(3, Math.min(14, (typed ?? text).length))}
      list={info.control === "text" && info.choices.length > 0 ? `${described}-l` : undefined}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={apply}
      onKeyDown={(event) => {
        if (event.key === "Enter") apply();
        if (event.key !== "Escape" || typed === null) return;
        event.stopPropagation();
        setTyped(null);
      }}
    />
  );
}

function Free(props: ControlProps) {
  const { info, setting, described } = props;
  return (
    <span class="wd2">
      <Typed {...props} text={String(setting)} faint={false} />
      {info.choices.length > 0 && (
        <datalist id={`${described}-l`}>
          {info.choices.map((choice) => (
            <option key={choice} value={choice} />
          ))}
        </datalist>
      )}
    </span>
  );
}

function Choice({ info, setting, used, set, flush, described }: ControlProps) {
  const choices = [...new Set([...(info.auto ? [AUTO] : []), ...info.choices])];
  const value = String(setting);
  const says = (choice: string) =>
    choice === AUTO && value === AUTO && typeof used === "string" && used !== AUTO
      ? `auto (${used})`
      : choice || "none";
  return (
    <span class="wd2">
      <select
        {...OWN_KEYS}
        aria-label={info.label}
        aria-describedby={described}
        value={value}
        onChange={(event) => {
          set(event.currentTarget.value);
          flush();
        }}
      >
        {!choices.includes(value) && <option value={value}>{value}</option>}
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {says(choice)}
          </option>
        ))}
      </select>
    </span>
  );
}

function Switch({ info, setting, set, flush, described }: ControlProps) {
  const on = setting === true;
  return (
    <span class="wd2">
      <button
        type="button"
        class="sw"
        role="switch"
        aria-checked={on}
        aria-label={info.label}
        aria-describedby={described}
        onClick={() => {
          set(!on);
          flush();
        }}
      >
        <i aria-hidden="true" />
        {on ? "on" : "off"}
      </button>
    </span>
  );
}
