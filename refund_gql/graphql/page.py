"""What a browser sees at /graphql: the endpoint, how to authenticate, examples to copy.

No script, nothing from another host.
"""

from html import escape
from importlib.resources import files

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}

_STYLE = """
body { font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; color: #1f2328;
       max-width: 56rem; margin: 3rem auto; padding: 0 1.5rem; background: #fff }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
p { margin: .4rem 0 } .who { color: #57606a }
pre { background: #f6f8fa; border: 1px solid #d0d7de; border-radius: 6px; padding: .8rem 1rem;
      overflow-x: auto; font: 13px/1.5 ui-monospace, monospace }
code { font: .9em ui-monospace, monospace; background: #f6f8fa; padding: .1em .3em }
details { border-top: 1px solid #d0d7de; padding: .5rem 0 } summary { cursor: pointer }
"""

_AUTH = """curl {endpoint} \\
  -H 'Authorization: Bearer rg_...' -H 'Content-Type: application/json' \\
  -d '{"query": "{ viewer { name role } }"}'"""


def examples() -> list[tuple[str, str, str]]:
    """Role, title and operation of every example, as they stand in examples.graphql."""
    text = files(__package__).joinpath("examples.graphql").read_text("utf-8")
    found = []
    for block in text.split("\n# ")[1:]:
        heading, _, operation = block.partition("\n")
        role, _, title = heading.partition(": ")
        found.append((role, title, operation.strip()))
    return found


def html(endpoint: str) -> str:
    """The whole page; `endpoint` is the address the browser used."""
    items = "".join(
        f"<details><summary><b>{escape(role)}</b> {escape(title)}</summary>"
        f"<pre>{escape(operation)}</pre></details>"
        for role, title, operation in examples()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>refund_gql</title><style>{_STYLE}</style>"
        "<h1>refund_gql</h1><p class=who>A refund engine for online shops. "
        "退款引擎：一个 GraphQL 接口。</p>"
        f"<h2>Endpoint</h2><p><code>POST {escape(endpoint)}</code> with a JSON body: "
        "<code>query</code>, <code>variables</code>, <code>operationName</code>. "
        "Point any GraphQL client at this address; the schema can be introspected.</p>"
        "<h2>Authenticate</h2><p>Send a token as <code>Authorization: Bearer rg_…</code>. "
        "The demo prints one for each role; staff get theirs from <code>staffLogin</code>, "
        "programs from <code>apiTokenCreate</code>, customers from "
        "<code>customerSessionCreate</code>. Texts come in Chinese or English as "
        "<code>Accept-Language</code> asks.</p>"
        f"<pre>{escape(_AUTH.replace('{endpoint}', endpoint))}</pre>"
        f"<h2>Examples by role</h2>{items}"
        "<h2>Is it up?</h2><p><code>/healthz</code> the process, <code>/readyz</code> the "
        "database.</p></html>"
    )
