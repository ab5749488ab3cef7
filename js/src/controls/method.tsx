import { OWN_KEYS } from "../components/keys";
import { inputSettings } from "../params";
import type { MethodInfo } from "../schema.gen";
import type { Store } from "../store";

/** The method; those that do not apply say why. Without a kernel it is a word. */
export function MethodSelect({ store }: { store: Store }) {
  const methods = store.geometry.value?.methods ?? [];
  const { estimate } = store.picture.value;
  const current = store.request.value.method ?? estimate?.method ?? "";
  const label = methods.find(({ name }) => name === current)?.label ?? estimate?.method_label ?? "";
  const kept = () => inputSettings(store.geometry.peek()?.params ?? [], store.request.peek().params);
  if (!store.reachable.value || methods.length < 2) return <span>{label}</span>;
  return (
    <select
      {...OWN_KEYS}
      aria-label="method"
      value={current}
      onChange={(event) => store.ask({ method: event.currentTarget.value, params: kept() })}
    >
      {!methods.some(({ name }) => name === current) && <option value={current}>{label}</option>}
      {methods.map((method) => (
        <option key={method.name} value={method.name} disabled={method.why_not !== ""} title={method.why_not}>
          {withReason(method)}
        </option>
      ))}
    </select>
  );
}

/** Many a reason begins with the method's name itself. */
const withReason = ({ label, why_not: why }: MethodInfo) =>
  !why ? label : why.startsWith(label) ? why : `${label}: ${why}`;
