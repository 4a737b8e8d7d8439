"""``weft eval``: begins an evaluation and waits for it, lists, compares, cancels and deletes them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, Final
from urllib.parse import quote, urlencode

from weft.cli.connection import Connection
from weft.cli.evaluation.queries import of_beir, of_jsonl, of_trec
from weft.cli.evaluation.report import difference_of, lines_of, list_of
from weft.cli.evaluation.suggestion import suggestion_of
from weft.domain.errors import Invalid

_ROOT: Final = "/v1/weft/evaluations"
_ENDED: Final = ("SUCCESS", "FAILED", "CANCELED", "PAUSED")
_LOOK_EVERY_S: Final = 0.25
_CAPTIONS: Final = ("caption", "alt", "title", "description", "text")
_FUSIONS: Final = {"relative": "relativeScoreFusion", "ranked": "rankedFusion"}
_TEXT_MODULE: Final = "text2vec-transformers"
_MODULE_PREFIXES: Final = ("text2", "multi2", "img2")


def evaluate(arguments: argparse.Namespace) -> int:
    actions = {"list": _list, "show": _show, "diff": _diff, "cancel": _remove, "delete": _remove}
    action = actions.get(arguments.what)
    with Connection(arguments) as server:
        if action is not None:
            return action(server, arguments)
        if arguments.rest:
            raise Invalid(f"weft eval takes one collection; {arguments.rest[0]!r} is one too many")
        return _begin(server, arguments)


def _begin(server: Connection, arguments: argparse.Namespace) -> int:
    begun = server.post(_ROOT, _request(server, arguments))
    if arguments.no_wait:
        print(json.dumps(begun, indent=2) if arguments.json else begun["id"])
        return 0
    return _report(_wait(server, begun), arguments)


def _wait(server: Connection, evaluation: dict[str, Any]) -> dict[str, Any]:
    """The evaluation when it has ended; Ctrl-C leaves it to the server."""
    from tqdm import tqdm

    path = f"{_ROOT}/{evaluation['id']}"
    with tqdm(total=None, desc="evaluating", unit=" steps", file=sys.stderr, leave=False, disable=None) as bar:
        try:
            while evaluation["status"] not in _ENDED:
                time.sleep(_LOOK_EVERY_S)
                evaluation = server.get(path)
                bar.total = evaluation["progress"]["total"] or None
                bar.update(evaluation["progress"]["done"] - bar.n)
        except KeyboardInterrupt:
            print(
                f"\nevaluation {evaluation['id']} runs on; see it with: weft eval show {evaluation['id']}, "
                f"end it with: weft eval cancel {evaluation['id']}",
                file=sys.stderr,
            )
            raise
    return evaluation


def _report(evaluation: dict[str, Any], arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps(evaluation, indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines_of(evaluation)))
    if arguments.suggest and "variants" in evaluation:
        print("\n".join(["", *suggestion_of(evaluation)]), file=sys.stderr if arguments.json else sys.stdout)
    return 1 if evaluation["status"] in ("FAILED", "CANCELED") else 0


def _list(server: Connection, arguments: argparse.Namespace) -> int:
    _take_ids(arguments, 0, "weft eval list")
    found = server.get(_ROOT)["evaluations"]
    print(json.dumps(found, indent=2) if arguments.json else "\n".join(list_of(found)))
    return 0


def _show(server: Connection, arguments: argparse.Namespace) -> int:
    (id,) = _take_ids(arguments, 1, "weft eval show ID")
    return _report(_one(server, id), arguments)


def _diff(server: Connection, arguments: argparse.Namespace) -> int:
    if len(arguments.rest) == 3:
        id, variant, other = arguments.rest
        other_id = ""
    else:
        id, other_id = _take_ids(arguments, 2, "weft eval diff ID VARIANT OTHER, or weft eval diff ID OTHER_ID")
        variant, other = (_best(_one(server, one)) for one in (id, other_id))
    asked = {"variant": variant, "other": other, "otherEvaluation": other_id, "limit": arguments.limit}
    if arguments.measures:
        asked["measure"] = arguments.measures
    query = urlencode({key: value for key, value in asked.items() if value != ""})
    found = server.get(f"{_ROOT}/{quote(id, safe='')}/comparison?{query}")
    print(json.dumps(found, indent=2, ensure_ascii=False) if arguments.json else "\n".join(difference_of(found)))
    return 0


def _remove(server: Connection, arguments: argparse.Namespace) -> int:
    (id,) = _take_ids(arguments, 1, f"weft eval {arguments.what} ID")
    ended = _one(server, id)["status"] in ("SUCCESS", "FAILED", "CANCELED")
    if ended is (arguments.what == "cancel"):
        way = "it has ended; to delete it: weft eval delete" if ended else "it runs; to end it: weft eval cancel"
        raise Invalid(f"evaluation {id}: {way} {id}")
    server.delete(f"{_ROOT}/{quote(id, safe='')}")
    print(f"evaluation {id}: {'deleted' if ended else 'cancelling'}")
    return 0


def _one(server: Connection, id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.get(f"{_ROOT}/{quote(id, safe='')}")
    return found


def _best(evaluation: dict[str, Any]) -> str:
    if not evaluation.get("best"):
        raise Invalid(f"evaluation {evaluation['id']} has found no best way to search; it is {evaluation['status']}")
    return str(evaluation["best"])


def _take_ids(arguments: argparse.Namespace, count: int, usage: str) -> list[str]:
    if len(arguments.rest) != count:
        raise Invalid(f"write: {usage}")
    return list(arguments.rest)


# -- the request


def _request(server: Connection, arguments: argparse.Namespace) -> dict[str, Any]:
    asked = {
        "collection": arguments.what,
        "tenant": arguments.tenant,
        "name": arguments.name,
        "measures": _split(arguments.measures),
        "sample": arguments.sample,
        "vectors": _split(arguments.vectors),
        "models": None if arguments.models is None else [_model(one) for one in _split(arguments.models) or ()],
        "keyword": False if arguments.no_keyword else None,
        "alphas": [] if arguments.alpha == "none" or arguments.no_keyword else _numbers(arguments.alpha, "--alpha"),
        "fusions": [_fusion(one) for one in _split(arguments.fusion) or ()],
        "rerankers": _split(arguments.rerank),
        "rerankProperty": arguments.rerank_property,
        "quantizers": _split(arguments.quantizers),
        "ef": _numbers(arguments.ef, "--ef"),
        "pooling": _numbers(arguments.pooling, "--pooling"),
        **_queries(server, arguments),
    }
    return {key: value for key, value in asked.items() if value is not None}


def _queries(server: Connection, arguments: argparse.Namespace) -> dict[str, Any]:
    made = {} if arguments.count is None else {"queries": arguments.count}
    if arguments.known_item is not None:
        return {"knownItem": {"property": arguments.known_item, **made}}
    if arguments.from_captions is not None:
        return {"captions": {"property": arguments.from_captions or _caption(server, arguments.what), **made}}
    if made:
        raise Invalid("--count is for queries that are made of the data, by --known-item or --from-captions")
    if arguments.queries is not None:
        return {"queries": of_jsonl(arguments.queries)}
    if arguments.trec is not None:
        return {"queries": of_trec(*arguments.trec)}
    if arguments.beir is not None:
        return {"queries": of_beir(arguments.beir, arguments.split)}
    raise Invalid(
        "which queries? Name a file with --queries, --trec or --beir, or have them made of the data by --known-item "
        "PROPERTY or --from-captions"
    )


def _caption(server: Connection, collection: str) -> str:
    """The text of the collection that is most likely to describe its media."""
    document = server.get(f"/v1/schema/{quote(collection, safe='')}")
    texts = [one["name"] for one in document.get("properties") or () if one["dataType"] == ["text"]]
    found = next((name for name in _CAPTIONS if name in texts), texts[0] if len(texts) == 1 else "")
    if not found:
        raise Invalid(f"which text is the caption? Name it: --from-captions PROPERTY, of {', '.join(texts) or 'none'}")
    return found


def _model(text: str) -> dict[str, Any]:
    """``MODULE``, ``MODULE:MODEL``, or a model's name alone."""
    module, _, model = text.partition(":")
    if not module.startswith(_MODULE_PREFIXES):
        module, model = _TEXT_MODULE, text
    return {"module": module, "settings": {"model": model} if model else {}}


def _fusion(text: str) -> str:
    if text not in _FUSIONS:
        raise Invalid(f"--fusion {text!r}: choose of {', '.join(_FUSIONS)}")
    return _FUSIONS[text]


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str | None, flag: str) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in _split(text) or ()]
    except ValueError:
        raise Invalid(f"{flag} takes numbers, separated by commas, not {text!r}") from None
