"""300 pages that would watch a reader: each way to fetch or run something, in several spellings."""

from __future__ import annotations

HOST = "http://watch.example"
WAYS = [
    "<img src='{u}'>",
    "<img src=x srcset='{u} 1x'>",
    "<script src='{u}'></script>",
    "<script>new Image().src='{u}'</script>",
    "<link rel=stylesheet href='{u}'>",
    "<link rel=preload as=image href='{u}'>",
    "<link rel=icon href='{u}'>",
    "<iframe src='{u}'></iframe>",
    "<iframe srcdoc=\"<img src='{u}'>\"></iframe>",
    "<object data='{u}'></object>",
    "<embed src='{u}'>",
    "<video src='{u}' autoplay></video>",
    "<video poster='{u}'></video>",
    "<audio src='{u}' preload=auto></audio>",
    "<video><source src='{u}'></video>",
    "<picture><source srcset='{u}'><img src=x></picture>",
    "<input type=image src='{u}'>",
    "<table background='{u}'><tr><td>x</table>",
    "<table><tr><td background='{u}'>x</table>",
    "<svg><image href='{u}' width=9 height=9 /></svg>",
    "<svg><image xlink:href='{u}' width=9 height=9 /></svg>",
    "<svg><use href='{u}#a' /></svg>",
    "<svg><style>* {{ fill: url({u}) }}</style><rect width=9 height=9 /></svg>",
    "<p style='background: url({u})'>x</p>",
    "<p style='background: u\\72l({u})'>x</p>",
    "<p style='background: &#117;rl({u})'>x</p>",
    "<p style='list-style-image: url({u}); display: list-item'>x</p>",
    "<p style='border-image: url({u}) 1; border: 9px solid'>x</p>",
    "<p style='cursor: url({u}), auto'>x</p>",
    "<p style='mask-image: url({u})'>x</p>",
    "<p style='content: url({u})'>x</p>",
    "<p style='filter: url({u}#a)'>x</p>",
    "<p style='background: image-set(\"{u}\" 1x)'>x</p>",
    "<p style='clip-path: url({u}#a)'>x</p>",
    "<p style='--a: url({u}); background: var(--a)'>x</p>",
    "<p style='shape-outside: url({u}); float: left'>x</p>",
    "<style>@import '{u}';</style>",
    "<style>@import url({u});</style>",
    "<style>p {{ background: url('{u}') }}</style><p>x</p>",
    "<style>p::before {{ content: url({u}) }}</style><p>x</p>",
    "<style>@font-face {{ font-family: f; src: url({u}) }} p {{ font-family: f }}</style><p>x</p>",
    "<style>@media all {{ p {{ background: url({u}) }} }}</style><p>x</p>",
    "<style>@supports (color: red) {{ p {{ background: url({u}) }} }}</style><p>x</p>",
    "<style>p {{ & {{ background: url({u}) }} }}</style><p>x</p>",
    "<style>@layer a {{ p {{ background: url({u}) }} }}</style><p>x</p>",
    "<meta http-equiv=refresh content='0; url={u}'>",
    "<form action='{u}'><button>x</button></form>",
    "<a href='https://a.example' ping='{u}'>x</a>",
    "<a href='javascript:fetch(\"{u}\")'>x</a>",
    "<p onclick='fetch(\"{u}\")'>x</p>",
    "<body onload='fetch(\"{u}\")'>x</body>",
    "<details open ontoggle='fetch(\"{u}\")'>x</details>",
    "<img src=x onerror='fetch(\"{u}\")'>",
    "<base href='{u}'><img src=y>",
    "<math><mtext><img src='{u}'></mtext></math>",
    "<noscript><img src='{u}'></noscript>",
    "<marquee onstart='fetch(\"{u}\")'>x</marquee>",
    "<template shadowrootmode=open><img src='{u}'></template>",
    "<bgsound src='{u}'>",
    "<body background='{u}'>x</body>",
    "<frameset><frame src='{u}'></frameset>",
    "<track src='{u}'>",
    "<button formaction='{u}'>x</button>",
    "<portal src='{u}'></portal>",
    "<!--[if mso]><v:image src='{u}' /><![endif]-->",
    "<!--[if mso]><img src='{u}'><![endif]-->",
    "<!--[if mso]><td background='{u}'><![endif]-->",
    "<xml><o:x src='{u}' /></xml>",
    "<a href='https://a.example' attributionsrc='{u}'>x</a>",
    "<img src='cid:x' longdesc='{u}'>",
    "<link rel=dns-prefetch href='{u}'>",
    "<link rel=prefetch href='{u}'>",
    "<a href='http://watch.example/1'>x</a>",
    "<html manifest='{u}'>",
    "<q cite='{u}'>x</q>",
]
BODY = "{{ language }}{{ subject }}{{ preview }}{{ body }}{{ footer }}"


def pages() -> list[str]:
    """Return the pages, each a whole layout; the address that it fetches ends with its number."""
    found = []
    for number, way in enumerate(WAYS):
        tags = [way.format(u=f"{HOST}/{5 * number + at}") for at in range(5)]
        name = tags[0][1:].split(" ")[0].split(">")[0]
        parted = tags[2].replace(name, name[0] + "{# x #}" + name[1:], 1)
        found += [
            f"<!DOCTYPE html><html><body>{tags[0]}{BODY}</body></html>",
            f"<!DOCTYPE html><html><head>{tags[1]}</head><body>{BODY}</body></html>",
            f"<body>{BODY}<div title='>'>{parted}</div>",
            f"<body>{BODY}<b><table><p>{tags[3].replace(f'<{name}', f'<{name.upper()}', 1)}",
            f"<body>{{% if preview %}}{tags[4]}{{% endif %}}{BODY}",
        ]
    return found
