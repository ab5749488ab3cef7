"""Hierarchies of features: made from what an instance is, or read from what the user has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation.layouts import Pixels, Tokens
from jupyter_xai.protocols import BoundMasker

Tree: TypeAlias = Any
"""A feature's number, or a tuple of two or more trees."""

MOST_CHILDREN = 8
"""Parts that one group may have: each split asks for all their subsets."""

_STOPS = ((4, "\n"), (3, ".!?…。！？"), (2, ";:；："), (1, ',、，()[]"“”«»—–'))


@dataclass(frozen=True, eq=False)
class Node:
    """A group of players.

    Parameters
    ----------
    members : ndarray of shape (players,), bool
    children : tuple of Node
        Its parts; none if it is one player.
    """

    members: NDArray[np.bool_]
    children: tuple[Node, ...]

    @property
    def size(self) -> int:
        """How many players it has."""
        return int(np.count_nonzero(self.members))


def root_of(tree: Tree, players: NDArray[np.intp]) -> Node:
    """The hierarchy over players alone: other features are left out, and groups of one are that one.

    Examples
    --------
    >>> [child.members.tolist() for child in root_of(((0, 1), (2, 3)), np.array([0, 2, 3])).children]
    [[True, False, False], [False, True, True]]
    """
    place = {int(feature): at for at, feature in enumerate(players)}
    made: list[Node | None] = []
    todo: list[tuple[Tree, bool]] = [(tree, False)]
    while todo:  # no recursion: a chain of a thousand features is a tree too
        part, seen = todo.pop()
        if not isinstance(part, tuple):
            members = np.zeros(len(players), dtype=np.bool_)
            if part in place:
                members[place[part]] = True
            made.append(Node(members, ()) if part in place else None)
        elif not seen:
            todo.append((part, True))
            todo.extend((child, False) for child in reversed(part))
        else:
            children = tuple(child for child in made[-len(part) :] if child is not None)
            del made[-len(part) :]
            if len(children) > 1:
                made.append(Node(np.logical_or.reduce([child.members for child in children]), children))
            else:
                made.append(children[0] if children else None)
    (root,) = made
    assert root is not None
    return root


def coalitions_of(root: Node) -> int:
    """How many coalitions, besides none and all, the exact Owen values of a hierarchy need.

    Examples
    --------
    >>> coalitions_of(root_of(((0, 1), (2, 3)), np.arange(4)))
    10
    """
    total, todo = 0, [(root, 1)]
    while todo:
        node, contexts = todo.pop()
        if node.children:
            total += contexts * (2 ** len(node.children) - 2)
            todo.extend((child, contexts * 2 ** (len(node.children) - 1)) for child in node.children)
    return total


# --- what the user has ------------------------------------------------------------------------------------------


def read(given: Any, names: Sequence[str], n_features: int) -> Tree:
    """A hierarchy as the user gives it: nested tuples or lists of features, or a linkage matrix as scipy makes it.

    Raises
    ------
    InputError
        If a feature is missing, unknown or there twice, or a group has too many parts.

    Examples
    --------
    >>> read([["age", "job"], 2], ["age", "job", "debt"], 3)
    ((0, 1), 2)
    >>> read(np.array([[0, 2, 0.1, 2], [1, 3, 0.5, 3]]), ["age", "job", "debt"], 3)
    (1, (0, 2))
    """
    try:
        matrix = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    is_linkage = matrix.ndim == 2 and matrix.shape[1] in {3, 4} and len(matrix) == n_features - 1
    if is_linkage and not isinstance(given, tuple):
        return _from_linkage(matrix[:, :2], n_features)
    if not isinstance(given, tuple | list):
        raise InputError(
            f"hierarchy= is {type(given).__name__}, but expected 'auto', 'balanced', nested tuples of features, or a "
            f"linkage matrix with {n_features - 1} lines for {n_features} features. Pass one of these."
        )
    places: dict[Any, int] = {}
    for at, name in enumerate(names):
        places.setdefault(name, at)
    found = _from_nested(given, places, n_features)
    leaves = sorted(_leaves(found))
    if leaves != list(range(n_features)):
        missing = [_name(names, at) for at in range(n_features) if at not in leaves]
        twice = [_name(names, at) for at, after in pairwise(leaves) if at == after]
        said = [f"misses {', '.join(missing[:20])}"] if missing else []
        said += [f"has {', '.join(twice[:20])} more than once"] if twice else []
        raise InputError(f"hierarchy= {' and '.join(said)}. Every feature belongs into one group.")
    return found


def _name(names: Sequence[str], at: int) -> str:
    return repr(names[at]) if at < len(names) else f"feature {at}"


def _from_nested(part: Any, places: dict[Any, int], n_features: int) -> Tree:
    if isinstance(part, tuple | list):
        if not part:
            raise InputError("hierarchy= has an empty group. Leave it out.")
        if len(part) > MOST_CHILDREN:
            raise InputError(
                f"hierarchy= has a group of {len(part)} parts, but each is told apart from all subsets of the others: "
                f"expected at most {MOST_CHILDREN}. Put some of them together in a group of their own."
            )
        children = tuple(_from_nested(child, places, n_features) for child in part)
        return children if len(children) > 1 else children[0]
    if isinstance(part, str) and part in places:
        return places[part]
    whole = hasattr(part, "__index__") and not isinstance(part, bool)
    if not whole or not 0 <= int(part) < n_features:
        raise InputError(
            f"hierarchy= has {part!r}, which is no feature: expected their names or numbers from 0 to "
            f"{n_features - 1}. Features: {', '.join(map(str, list(places)[:20]))}."
        )
    return int(part)


def _leaves(tree: Tree) -> list[int]:
    return [leaf for child in tree for leaf in _leaves(child)] if isinstance(tree, tuple) else [tree]


def _from_linkage(pairs: NDArray[Any], n_features: int) -> Tree:
    """Read lines of two clusters each; the cluster of line i has the number n_features + i."""
    parts: dict[int, Tree] = dict(enumerate(range(n_features)))
    for i, (a, b) in enumerate(pairs.astype(np.intp).tolist()):
        if a == b or a not in parts or b not in parts:
            raise InputError(
                f"line {i} of the linkage matrix in hierarchy= joins {a} and {b}, but one of them was joined before or "
                "does not exist. Pass the matrix as scipy.cluster.hierarchy.linkage makes it."
            )
        parts[n_features + i] = (parts.pop(a), parts.pop(b))
    (tree,) = parts.values()
    return tree


# --- what an instance is ----------------------------------------------------------------------------------------


def automatic(bound: BoundMasker) -> Tree:
    """A hierarchy by what the instance is: neighbouring pieces of like colour, phrases of a text, columns that go
    together; halves of the features in their order where nothing is known of them.
    """
    layout, n = bound.layout, bound.n_features
    if n > 2 and isinstance(layout, Pixels) and layout.labels is not None:
        return _from_linkage(_pieces(layout.image, layout.labels), n)
    if isinstance(layout, Tokens):
        return _phrases(layout, n)
    if n > 2 and hasattr(bound, "relations"):
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        apart = np.clip(1.0 - bound.relations(), 0.0, 1.0)
        np.fill_diagonal(apart, 0.0)
        return _from_linkage(linkage(squareform(apart, checks=False), "complete")[:, :2], n)
    return balanced(n)


def balanced(n: int, start: int = 0) -> Tree:
    """Halves of halves of n features in their order.

    Examples
    --------
    >>> balanced(5)
    ((0, 1), (2, (3, 4)))
    """
    if n == 1:
        return start
    return balanced(n // 2, start), balanced(n - n // 2, start + n // 2)


def _phrases(layout: Tokens, n: int) -> Tree:
    """Cut a text, and each part again, at the strongest stop within the middle half, else in the middle."""
    first: dict[int, int] = {}
    for at, group in enumerate(layout.groups or range(n)):
        first.setdefault(group, at)  # equal words are one feature, and stand where the first of them stands
    order = sorted(first, key=first.__getitem__)
    spans = [layout.offsets[first[feature]] for feature in order]
    stops = np.array([_strength(layout.text[a:b]) for (_, a), (b, _) in pairwise(spans)])

    def cut(low: int, high: int) -> Tree:
        if high - low == 1:
            return order[low]
        margin = (high - low) // 4
        cuts = np.arange(low + max(1, margin), high - max(1, margin) + 1)
        aside = np.abs(2 * cuts - low - high)
        at = int(cuts[np.lexsort((aside, -stops[cuts - 1]))[0]])
        return cut(low, at), cut(at, high)

    return cut(0, len(order))


def _strength(between: str) -> int:
    return next((strength for strength, stops in _STOPS if any(stop in between for stop in stops)), 0)


def _pieces(image: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[Any]:
    """Join neighbouring pieces, those of like colour and place first, by Ward's criterion."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from sklearn.cluster import ward_tree

    flat, n = labels.ravel(), int(labels.max()) + 1
    counts = np.bincount(flat, minlength=n)[:, None]

    def means(values: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        return (
            np.stack([np.bincount(flat, weights=value.ravel(), minlength=n) for value in values], axis=1)
            / counts
        )

    places = means(list(np.indices(labels.shape)))
    colours = means([image[:, :, c].astype(np.float64) for c in range(3)])
    sides = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    pairs = np.concatenate([np.stack([a[a != b], b[a != b]], axis=1) for a, b in sides])
    while True:
        edges = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(n, n)).tocsr()
        count, part = connected_components(edges, directed=False)
        if count == 1:
            break
        inside, outside = (
            np.flatnonzero(part == 0),
            np.flatnonzero(part != 0),
        )  # pieces with a gap around them
        far = ((places[inside][:, None] - places[outside]) ** 2).sum(axis=2)
        i, j = np.unravel_index(far.argmin(), far.shape)
        pairs = np.concatenate([pairs, [[inside[i], outside[j]]]])
    blocks = [block / max(float(np.sqrt(block.var(axis=0).sum())), 1e-9) for block in (colours, places)]
    children: NDArray[Any] = ward_tree(np.concatenate(blocks, axis=1), connectivity=edges + edges.T)[0]
    return children
