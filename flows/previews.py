"""What texts with fields come to on one record: what a person who writes them sees at once."""

from collections.abc import Mapping

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.relations import relations_for
from crm_core.templates import check_template, compile_template
from crm_core.trees import column, text
from lake import Lake

_ROW = "f"


def preview_texts(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, texts: Mapping[str, str], actor: Actor
) -> dict[str, str]:
    """Fill the texts with the fields of a record as it is now, in one statement, with one reading of them for all.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the record's module.
        record_id: the record.
        texts: label → text; one that cannot be used (`check_template` says why) is left out.
        actor: who asks; related records that he may not see are empty.

    Returns:
        Label → the text as it would be written.

    Raises:
        RecordNotFound: There is no such record, or none that the actor may see.
    """
    usable = {label: source for label, source in texts.items() if not check_template(catalog, module, source)}
    relations = relations_for(lake, catalog, actor)
    scope = Scope(module, _ROW, relations)
    is_it = exp.TryCast(this=relations.params.bind(str(record_id)), to=exp.DataType.build("UUID"))
    select = (
        exp.select(exp.Literal.number(1).as_("one"))
        .select(*[compile_template(source, scope).as_(f"t{at}") for at, source in enumerate(usable.values())])
        .from_(relations.visible(module, _ROW))
        .where(column("id", _ROW).eq(is_it))
    )
    rows = lake.read(text(select), relations.params.values).rows()
    if not rows:
        raise RecordNotFound(module, record_id)
    return dict(zip(usable, rows[0][1:], strict=True))
