"""Fields of ``Get`` → queries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from in_process import RecordingService
from unit.wire.graphql.conftest import Ask
from weft.domain.filters import And, Condition, Operator
from weft.domain.generation import Generate, Prompt, Rerank
from weft.domain.query import (
    UNPAGED,
    Combination,
    Condense,
    Fusion,
    GroupBy,
    Hybrid,
    Keyword,
    MatchOperator,
    MediaKind,
    Move,
    NearMedia,
    NearObject,
    NearText,
    NearVector,
    Query,
    Sort,
)
from weft.domain.schema import CollectionConfig, DataType, MultiVector, Property, VectorConfig, VectorIndexConfig
from weft.wire.graphql.schema import build

QueryOf = Callable[..., Query]
UUID = "00000000-0000-0000-0000-00000000000a"


def near(query: Query) -> NearVector:
    assert isinstance(query.search, NearVector)
    return query.search


def test_paging_and_order(query_of: QueryOf) -> None:
    query = query_of('{Get{Article(limit:3 offset:2 sort:[{path:["Title"] order:desc} {path:"n"}]){title n}}}')
    assert (query.collection, query.limit, query.offset) == ("Article", 3, 2)
    assert query.sort == (Sort("title", False), Sort("n"))
    assert query.returns.properties == ("title", "n")
    assert query_of(f'{{Get{{Article(after:"{UUID}" tenant:"t" autocut:-1){{n}}}}}}').after == UUID


def test_a_search_within_a_distance_has_no_limit_but_the_servers(query_of: QueryOf) -> None:
    within = '{Get{Article(%s nearVector:{vector:[1] targetVectors:["one"] %s}){n}}}'
    assert query_of(within % ("", "distance:0.5")).limit == -1
    assert query_of(within % ("limit:-1", "certainty:0.5")).limit == -1
    assert query_of(within % ("limit:-1", "")).limit == 0
    assert query_of(within % ("limit:7", "distance:0.5")).limit == 7
    assert query_of(within % ("limit:0", "")).limit == 0


@pytest.mark.parametrize(
    ("page", "limit"), [("", UNPAGED), ("offset:5", 0), ("autocut:1", 0), ("limit:-1", 0), ("limit:3", 3)]
)
def test_a_query_that_says_nothing_of_a_page_has_its_own_default(query_of: QueryOf, page: str, limit: int) -> None:
    assert query_of(f'{{Get{{Author({page} bm25:{{query:"a"}}){{n}}}}}}').limit == limit


def test_vectors_with_their_targets(query_of: QueryOf) -> None:
    search = near(query_of('{Get{Article(nearVector:{vector:[1, 2.5] targetVectors:["one","two"]}){n}}}'))
    assert search.targets.names == ("one", "two")
    assert [vector.tolist() for vector in search.vectors] == [[1, 2.5], [1, 2.5]]
    assert search.vectors[0].dtype == np.float32

    text = """{Get{Article(nearVector:{vectorPerTarget:{one:[[1,0],[0,1]] two:[3]}
        targets:{targetVectors:["one","one","two"] combinationMethod:manualWeights weights:{one:[1,2] two:3}}}){n}}}"""
    search = near(query_of(text))
    assert search.targets.names == ("one", "one", "two")
    assert search.targets.weights == (1, 2, 3)
    assert search.targets.combination is Combination.MANUAL
    assert [vector.tolist() for vector in search.vectors] == [[1, 0], [0, 1], [3]]


def test_a_multi_vector_is_one_query(query_of: QueryOf) -> None:
    for given, count in (("[[1,0],[0,1]]", 1), ("[[[1,0],[0,1]],[[1,1]]]", 2)):
        search = near(query_of(f"{{Get{{Article(nearVector:{{vectorPerTarget:{{late:{given}}}}}){{n}}}}}}"))
        assert search.targets.names == ("late",) * count
        assert all(vector.ndim == 2 for vector in search.vectors)


def test_vectors_come_as_variables_of_any_type(query_of: QueryOf) -> None:
    for kind in ("[Float]", "[Float!]!", "NearVectorVectorScalar"):
        text = f"query($v:{kind}){{Get{{Author(nearVector:{{vector:$v}}){{n}}}}}}"
        assert near(query_of(text, v=[1, 2])).vectors[0].tolist() == [1, 2]
    within = "query($a:[Float]){Get{Article(nearVector:{vectorPerTarget:{one:$a}}){n}}}"
    assert near(query_of(within, a=[4, 5])).vectors[0].tolist() == [4, 5]


def test_text_media_and_objects(query_of: QueryOf) -> None:
    text = f"""{{Get{{Author(nearText:{{concepts:["a","b"] autocorrect:false certainty:0.7
        moveTo:{{concepts:["c"] force:0.5}} moveAwayFrom:{{objects:[{{id:"{UUID}"}}] force:0.25}}}}){{n}}}}}}"""
    search = query_of(text).search
    assert isinstance(search, NearText)
    assert (search.texts, search.min_certainty) == (("a", "b"), 0.7)
    assert search.move_to == Move(0.5, ("c",))
    assert search.move_away == Move(0.25, (), (UUID,))
    for argument, kind in (("nearImage", MediaKind.IMAGE), ("nearIMU", MediaKind.IMU), ("nearAudio", MediaKind.AUDIO)):
        found = query_of(f'{{Get{{Author({argument}:{{{kind.value}:"aGk=" distance:1}}){{n}}}}}}').search
        assert found == NearMedia(kind=kind, data="aGk=", max_distance=1.0)
    for given in (f'id:"{UUID}"', f'beacon:"weaviate://localhost/Author/{UUID}"'):
        assert query_of(f"{{Get{{Author(nearObject:{{{given}}}){{n}}}}}}").search == NearObject(uuid=UUID)


def test_words_and_hybrids(query_of: QueryOf) -> None:
    operator = "{operator:Or minimumOrTokensMatch:2}"
    found = query_of(f'{{Get{{Author(bm25:{{query:"q" properties:["Title^2"] searchOperator:{operator}}}){{n}}}}}}')
    assert found.search == Keyword("q", ("title^2",), MatchOperator.OR, 2)
    text = """{Get{Article(hybrid:{query:"q" alpha:0.25 fusionType:rankedFusion maxVectorDistance:0.5
        targetVectors:["one"] bm25SearchOperator:{operator:And} searches:[{nearText:{concepts:["c"]}}]}){n}}}"""
    hybrid = query_of(text).search
    assert isinstance(hybrid, Hybrid)
    assert hybrid.keyword == Keyword("q", operator=MatchOperator.AND)
    assert (hybrid.alpha, hybrid.fusion, hybrid.max_vector_distance) == (0.25, Fusion.RANKED, 0.5)
    assert isinstance(hybrid.near, NearText)
    assert hybrid.targets.names == ("one",)


def test_filters(query_of: QueryOf) -> None:
    text = """query($words:[String!]){Get{Author(where:{operator:And operands:[
        {operator:GreaterThan path:["n"] valueInt:5000000000} {operator:ContainsAny path:["title"] valueText:$words}]}
        ){n}}}"""
    found = query_of(text, words=["a", "b"]).filter
    assert isinstance(found, And)
    first, second = found.operands
    assert isinstance(first, Condition)
    assert isinstance(second, Condition)
    assert (first.operator, first.value) == (Operator.GREATER_THAN, 5_000_000_000)
    assert second.value == ("a", "b")


def test_what_is_returned_is_what_is_asked(query_of: QueryOf) -> None:
    text = """query($no:Boolean!){Get{Article{...F by{... on Author{title _additional{vectors{default}}}}
        _additional{id distance @include(if:$no) score vectors{two} group{hits{n _additional{vectors{one}}}}}}}}
        fragment F on Article{t:title by{...G}} fragment G on Article{n by{... on Author{n}}}"""
    returns = query_of(text, no=False).returns
    assert returns.properties == ("title", "n")
    assert set(returns.vectors) == {"two", "one"}
    assert (returns.score, returns.distance, returns.created) == (True, False, False)
    by = {one.collection: one for one in returns.references}
    assert set(by) == {"Author", "Article"}
    assert by["Author"].returns.properties == ("title",)
    assert by["Author"].returns.vectors == ("default",)
    (inner,) = by["Article"].returns.references
    assert (inner.collection, inner.returns.properties) == ("Author", ("n",))


def test_the_name_of_a_type_needs_every_target(query_of: QueryOf) -> None:
    returns = query_of("{Get{Article{by{__typename}}}}").returns
    assert [one.collection for one in returns.references] == ["Author", "Article"]


def test_groups_reranking_and_generation(query_of: QueryOf) -> None:
    text = """{Get{Author(groupBy:{path:["title"] groups:2 objectsPerGroup:3}){_additional{
        rerank(property:"Title" query:"q"){score}
        generate(singleResult:{prompt:"about {title}" debug:true openai:{maxTokens:5}}
                 groupedResult:{task:"sum up" properties:["title"]}){singleResult}}}}}"""
    query = query_of(text)
    assert query.group_by == GroupBy("title", 2, 3)
    assert query.rerank == Rerank("title", "q")
    assert query.generate == Generate(
        Prompt("about {title}", "openai", {"max_tokens": 5}, debug=True),
        Prompt("sum up", "openai", {"max_tokens": 5}),
        ("title",),
        failures_beside=True,
    )


def test_hits_that_are_alike_as_one(query_of: QueryOf) -> None:
    assert query_of("{Get{Author(group:{type:merge force:0.1}){n}}}").condense == Condense(0.1, merged=True)
    assert query_of("{Get{Author(group:{type:closest force:1}){n}}}").condense == Condense(1.0, merged=False)


def test_a_hybrid_search_beside_another_is_ignored(query_of: QueryOf) -> None:
    near = query_of('{Get{Author(hybrid:{query:"q"} nearVector:{vector:[1]} limit:3){n}}}').search
    assert isinstance(near, NearVector)
    words = query_of('{Get{Author(bm25:{query:"q"} hybrid:{query:"p"}){n}}}').search
    assert words == Keyword("q")


def test_a_certainty_of_0_is_none(query_of: QueryOf) -> None:
    query = query_of("{Get{Author(nearVector:{vector:[1] certainty:0}){n}}}")
    assert isinstance(query.search, NearVector)
    assert (query.search.min_certainty, query.limit) == (None, UNPAGED)


def test_the_leg_by_vector_is_stated_as_a_search_or_as_a_vector(query_of: QueryOf) -> None:
    stated = {
        'query:"q"': False,
        'query:"q" vector:[1]': False,
        'query:"q" searches:[{nearVector:{vector:[1]}}]': True,
    }
    for text, expected in stated.items():
        search = query_of(f"{{Get{{Author(hybrid:{{{text}}}){{n}}}}}}").search
        assert isinstance(search, Hybrid)
        assert search.near_stated is expected


def test_aliases_of_collections_and_of_fields(ask: Ask, service: RecordingService) -> None:
    answered = ask("{Get{a:Paper(limit:1){n} b:Article(limit:2){n} String{n} ArticleAdditional{n}}}")
    assert answered == {"data": {"Get": {"a": [], "b": [], "String": [], "ArticleAdditional": []}}}
    assert [query.collection for query, _ in service.queries] == ["Article", "Article", "String", "ArticleAdditional"]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ('nearVector:{vector:[1]} bm25:{query:"q"}', "one search"),
        ("nearVector:{vector:[1] distance:1 certainty:1}", "distance and certainty"),
        ("nearVector:{vector:[]}", "finite numbers"),
        ('nearVector:{vector:["a"]}', "finite numbers"),
        ("nearVector:{vector:[1e999]}", "finite numbers"),
        ("nearVector:{vector:[[1],[1,2]]}", "finite numbers"),
        ("nearVector:{}", "either vector or vectorPerTarget"),
        ("nearVector:{vectorPerTarget:{}}", "vectorPerTarget"),
        ('nearVector:{vector:[1] targets:{targetVectors:["one"] combinationMethod:manualWeights}}', "weights"),
        ("nearObject:{}", "id or beacon"),
        ('nearObject:{beacon:"elsewhere"}', "invalid cref"),
        ('hybrid:{query:"q" alpha:2}', "alpha"),
        ("hybrid:{vector:[1] searches:[{nearVector:{vector:[1]}}]}", "give one of"),
        ("offset:-5", "offset"),
        ('sort:[{path:["a","b"]}]', "one entry"),
        ('groupBy:{path:["title"] groups:0 objectsPerGroup:1}', "at least 1"),
        ("group:{type:merge force:2}", "from 0 to 1"),
        ("group:{force:0.5}", "closest or merge"),
        ('group:{type:merge force:0.5} groupBy:{path:["n"] groups:1 objectsPerGroup:1}', "cannot be combined"),
        ('where:{operator:Equal path:["n"]}', "value"),
        ('where:{operator:Equal path:["n"] valueInt:99999999999999999999}', "64 bits"),
        ('where:{operator:And path:["n"]}', "operands"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask: Ask, args: str, reason: str) -> None:
    answered = ask(f"{{Get{{Author({args}){{n}}}}}}")
    (error,) = answered["errors"]
    assert reason in error["message"]
    assert error["extensions"]["code"] == "INVALID"
    assert error["path"] == ["Get", "Author"]
    assert answered["data"] == {"Get": {"Author": None}}


def test_a_collection_may_be_called_as_a_type_of_the_schema_is() -> None:
    properties = tuple(
        Property(f"p{i}", kind, target_collections=("Rich",) if kind is DataType.REFERENCE else ())
        for i, kind in enumerate(DataType)
        if kind.element is not DataType.OBJECT
    )
    late = VectorConfig("late", index=VectorIndexConfig(multivector=MultiVector()))
    rich = {"Rich": CollectionConfig("Rich", properties, {"one": VectorConfig("one"), "late": late})}
    names = [name for name in build(rich).type_map if name[0].isupper() and "Rich" not in name]
    assert "SortOrderEnum" in names
    for name in names:
        assert build({name: CollectionConfig(name, properties[:1]), **rich}).type_map
