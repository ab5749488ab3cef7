"""The two passes: every torch call of the network on the input, then on the reference, met one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from jupyter_xai.errors import CannotExplainError, XaiError
from jupyter_xai.evaluation.calls import out_of_memory
from jupyter_xai.kernels.deeplift.calls import Kind, Plan, by_position, plan_of
from jupyter_xai.kernels.deeplift.mixed import Mixed, depends, trace, twin_of
from jupyter_xai.kernels.deeplift.reveal import Watched, source_of, through_norm
from jupyter_xai.kernels.deeplift.tape import (
    INVERSE,
    MARK,
    SEEN,
    Call,
    Decision,
    Diverged,
    Mark,
    Rule,
    Tape,
    attach,
    tensors_of,
)
from jupyter_xai.kernels.deeplift.twins import Step, Twinned


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Say which call a rule stumbled over."""
    try:
        yield
    except XaiError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise
        raise CannotExplainError(
            f"DeepLIFT could not follow the network through the call {name} ({type(error).__name__}: {error}). Use a "
            "method that only asks for predictions, for example method='kernel_shap'."
        ) from error


class _Pass(TorchFunctionMode):
    """What both passes share.

    Parameters
    ----------
    tape : Tape
    """

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape
        self._inside: list[Plan] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Called by torch for every call above autograd; calls made from here do not come back."""
        plan = plan_of(func)
        if plan.kind is Kind.QUERY:
            return func(*args, **kwargs or {})
        if plan.kind is Kind.SWITCH:  # what is not to be trained is to be explained all the same
            return None
        if plan.kind is Kind.ALIAS:
            return plan.body(*args, **kwargs or {})
        if plan.kind is Kind.COMPOSED and plan in self._inside:
            plan = plan.whole()
        if plan.kind is Kind.RANDOM:
            return self._drawn(plan, func, args, kwargs or {})
        if kwargs and "input" in kwargs and plan.named:
            args, kwargs = by_position(plan, args, kwargs)
        out = kwargs.pop("out", None) if kwargs and "out" in kwargs else None
        found = self._call(plan, func, args, kwargs or {})
        return found if out is None else self._write(out, found)

    def _write(self, out: Any, found: Any) -> Any:
        for place, part in zip(tensors_of((out,)), tensors_of((found,)), strict=True):
            self.tape.before_write(place)
            place.resize_(part.shape).copy_(part)
            setattr(place, MARK, SEEN)
        return out

    def _call(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _drawn(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _apart(self, plan: Plan, body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Take a call apart: those it is made of come here in their turn."""
        self._inside.append(plan)
        try:
            with self:
                found = body(*args, **kwargs)
        finally:
            self._inside.pop()
        return found if args and found is args[0] else self._stored(plan, args, found)

    def _twinned(
        self, plan: Plan, func: Any, decision: Twinned, call: Call, twins: tuple[Tensor, ...]
    ) -> Any:
        """A call on truth values, explained by their twins."""
        floats = decision.floats(call, twins)
        with self:
            twin = decision.body(*floats.args, **floats.kwargs)
        if plan.in_place and call.args[0].is_floating_point():
            return self._stored(plan, call.args, twin)
        if not plan.in_place:
            return decision.answer(call, twin)
        found = func(*call.args, **call.kwargs)
        setattr(found, MARK, Mark(twin=twin, source=plan.name))
        return found

    def _stored(self, plan: Plan, args: tuple[Any, ...], found: Any) -> Any:
        """Put a result where the call as written puts it."""
        if not plan.in_place:
            return found
        self.tape.before_write(args[0])
        setattr(args[0], MARK, SEEN)
        return args[0].copy_(found)


class ExplainedPass(_Pass):
    """Evaluates the network on the input and puts the rules into the graph."""

    def _call(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            return self._decide(plan, func, args, kwargs)
        # inside a custom autograd function, whose own backward replaces the path that we lay: keep a second one
        with torch.inference_mode(mode=False), torch.enable_grad():
            found = self._decide(plan, func, args, kwargs)
            for part in tensors_of((found,)):
                if part.requires_grad and not plan.in_place:
                    setattr(part, MARK, Mark(twin=part.view_as(part)))
        return found

    def _drawn(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Draw, and keep what was drawn."""
        if plan.in_place:
            self.tape.before_write(args[0])
        found = func(*args, **kwargs)
        self.tape.draws.add(plan.name)
        self.tape.entries.append((plan, found.detach().clone()))
        return found

    def _decide(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tape = self.tape
        args, kwargs, tensors = trace(tape, args, kwargs)
        live, source = any(t.requires_grad for t in tensors), depends(tensors)
        call = Call(plan.name, plan.function, args, kwargs, plan.in_place)
        decision = self._decision(plan, call, live=live, source=source) if live or source else None
        tape.entries.append((plan, decision))
        if decision is None:
            return self._plain(plan, func, call, source if not live else plan.name)
        if isinstance(decision, Twinned):
            twins = tuple(twin_of(call.at(path)) for path in decision.paths)
            return self._twinned(plan, func, decision, call, twins)
        if not isinstance(decision, Rule):
            assert callable(decision)
            return self._apart(plan, decision, args, kwargs)
        with guarded(plan.name):
            outputs = decision.explained(call)
        found = attach(decision, outputs, decision.sources(call))
        if isinstance(decision, Step):
            setattr(found, MARK, SEEN)
            setattr(decision.truth, MARK, Mark(twin=found, source=plan.name))
            return decision.truth
        self._mark(plan, call, found, source or plan.name)
        return self._stored(plan, args, found)

    def _decision(self, plan: Plan, call: Call, *, live: bool, source: str) -> Decision:
        if plan.kind is Kind.LEAVES:
            self.tape.lose(plan.name)
            return None
        twinned = Twinned.of(call, moves=plan.moves)
        if twinned is not None:
            return twinned
        if plan.kind is Kind.COMPOSED:
            return plan.body
        if not live:
            return None
        self.tape.coupled |= plan.couples(call)
        decision: Decision = None
        if plan.kind is Kind.RULE:
            decision = plan.make(call, self.tape)
        elif plan.kind is Kind.UNKNOWN and not source:
            decision = plan.fallback(call, self.tape)
        if source and decision is None:
            return Mixed(call, call.paths(lambda t: t.requires_grad), self.tape, source)
        return decision

    def _plain(self, plan: Plan, func: Any, call: Call, source: str) -> Any:
        """A call without a rule: torch's own gradient is its multiplier, or nothing of it is live."""
        args = call.args
        if plan.in_place:
            self.tape.before_write(args[0])
        if plan.kind is Kind.LEAVES:
            args = tuple(a.detach() if isinstance(a, Tensor) else a for a in args)
        with torch.autograd.graph.saved_tensors_hooks(self.tape.pack, self.tape.unpack):
            found = func(*args, **call.kwargs)
        if source:
            self._mark(plan, call, args[0] if found is None else found, source)
        return found

    def _mark(self, plan: Plan, call: Call, found: Any, source: str) -> None:
        for part in tensors_of((found,)):
            if not part.requires_grad and not plan.fixed:
                setattr(part, MARK, Mark(source=source))
                continue
            setattr(part, MARK, INVERSE if plan.inverts(call) else SEEN)
            if plan.pairs and self.tape.settings.rule != "rescale":
                self._note_linear(plan, call, part)

    def _note_linear(self, plan: Plan, call: Call, found: Tensor) -> None:
        at = len(self.tape.entries) - 1
        source = through_norm(call) if plan.name == "batch_norm" else source_of(call, at)
        if source is not None:
            setattr(found, MARK, Mark(linear=source, version=found._version))  # noqa: SLF001


class ReferencePass(_Pass):
    """Evaluates the network on the reference; each rule meets its call again and works out its multipliers."""

    def __init__(self, tape: Tape) -> None:
        super().__init__(tape)
        self.position = 0

    def _call(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        decision = self._met(plan)
        if decision is None:
            if plan.in_place:
                self.tape.before_write(args[0])
            return func(*args, **kwargs)
        call = Call(plan.name, plan.function, args, kwargs, plan.in_place)
        if isinstance(decision, Watched):
            decision.see(call, self.tape)
            return func(*args, **kwargs)
        if isinstance(decision, Twinned):
            given = tuple(call.at(path) for path in decision.paths)
            return self._twinned(plan, func, decision, call, given)
        if not isinstance(decision, Rule):
            assert callable(decision)
            return self._apart(plan, decision, args, kwargs)
        with guarded(plan.name):
            found = decision.reference(call)
        decision.ready = True
        return self._stored(plan, args, found)

    def _drawn(self, plan: Plan, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        """The same again."""
        found: Tensor = self._met(plan)
        if not plan.in_place:
            return found.clone()
        self.tape.before_write(args[0])
        return args[0].copy_(found)

    def _met(self, plan: Plan) -> Any:
        """What was decided on the call that comes next."""
        entries, at = self.tape.entries, self.position
        if at >= len(entries) or entries[at][0] != plan:
            raise Diverged(entries[at][0].name if at < len(entries) else "the end", plan.name)
        self.position += 1
        return entries[at][1]

    def finish(self) -> None:
        """Check that no call is left over."""
        if self.position < len(self.tape.entries):
            raise Diverged(self.tape.entries[self.position][0].name, "the end")
