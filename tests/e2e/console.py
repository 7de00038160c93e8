#!/usr/bin/env python3
"""The console as files: what a browser gets, with which headers, and how much of it."""
from harness import *

t = Tap()
n = Node('alpha').start()


def get(target, method='GET', **headers):
    return n.request(method, target, auth=None, headers={'Accept': None, **{k.replace('_', '-'): v for k, v in headers.items()}})


# --- the page and its links ---
page = get('/')
text = page.body.decode()
t.ok(page.status == 200 and page.headers['Content-Type'] == 'text/html; charset=utf-8', 'the page is under /', page)
for view in ('/console', '/console/', '/console/today', '/console/incidents', '/console/incidents/TW-1', '/console/sign-in', '/console/set-up'):
    t.same(get(view).body, page.body, f'{view} is the same page')
for wrong in ('/console/nonsense', '/console/assets/', '/console/assets/none-1.js', '/console/assets/index.html', '/console/../x', '/console/assets/..'):
    t.same(get(wrong).status, 404, f'{wrong}: not there')
t.ok('Content-Security-Policy' not in get('/consolex').headers, 'a neighbouring name is not the console\'s')
for method in ('POST', 'PUT', 'DELETE'):
    r = get('/', method)
    t.ok(r.status == 405 and r.headers.get('Allow') == 'GET, HEAD', f'{method} is refused', r)
t.ok(re.search(r'<(script|style)(?![^>]*\bsrc=)[^>]*>', text) is None and ' on' not in re.sub(r'>[^<]*<', '><', text) and ' style=' not in text,
     'no script and no style stands in the page', text)
assets = re.findall(r'"(/console/assets/[^"]+)"', text)
t.ok(len(assets) >= 3 and 'http' not in re.sub(r'<svg.*', '', text), 'all that it names is the node\'s own', text)

# --- headers ---
policy = {p.split(' ', 1)[0]: p for p in page.headers['Content-Security-Policy'].split('; ')}
for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
             "require-trusted-types-for 'script'"):
    t.same(policy.get(rule.split(' ', 1)[0]), rule, f'policy: {rule}')
t.ok('unsafe' not in page.headers['Content-Security-Policy'] and 'http' not in page.headers['Content-Security-Policy'], 'nothing unsafe, no other host')
for target in ('/', '/console/nonsense', assets[0]):
    h = get(target).headers
    t.same((h.get('X-Content-Type-Options'), h.get('Referrer-Policy'), h.get('Cross-Origin-Opener-Policy')), ('nosniff', 'no-referrer', 'same-origin'),
           f'{target}: guarding headers')
t.same(n.get('/api/v1/health', auth=None).headers.get('X-Content-Type-Options'), 'nosniff', 'REST, too')
t.same(n.get('/api/v1/status').headers.get('Cache-Control'), 'no-store', 'and its replies stay out of caches')

# --- files ---
KINDS = {'js': 'text/javascript; charset=utf-8', 'css': 'text/css; charset=utf-8', 'svg': 'image/svg+xml'}
for asset in assets:
    plain, packed = get(asset), get(asset, Accept_Encoding='gzip, deflate, br;q=1.0')
    t.same(plain.headers['Content-Type'], KINDS[asset.rsplit('.', 1)[1]], f'{asset}: type')
    t.ok('Content-Encoding' not in plain.headers and packed.headers.get('Content-Encoding') == 'br', f'{asset}: plain, and packed for those who take it')
    t.same(get(asset, Accept_Encoding='br;q=0').headers.get('Content-Encoding'), None, f'{asset}: not packed when that is refused')
    t.ok(plain.headers['ETag'] != packed.headers['ETag'] and plain.headers['Vary'] == 'Accept-Encoding', f'{asset}: each form has its own ETag')
    t.same(get(asset, If_None_Match='"x", ' + plain.headers['ETag']).status, 304, f'{asset}: unchanged is not sent again')
    t.ok(('immutable' in plain.headers['Cache-Control']) == ('-' in asset.rsplit('/', 1)[1]), f'{asset}: kept as long as its name says', plain.headers)
    head = get(asset, 'HEAD')
    t.ok(head.status == 200 and head.body == b'' and int(head.headers['Content-Length']) == len(plain.body), f'{asset}: HEAD')
t.same(get('/', If_None_Match=page.headers['ETag']).status, 304, 'the page is asked for again, and is 304')
t.same(page.headers['Cache-Control'], 'no-cache', 'because it names the newest files')

# --- how much ---
def scripts(names):
    """Name to packed size, with all that each may load."""
    seen, wait = {}, list(names)
    while wait:
        name = wait.pop()
        if name not in seen:
            seen[name] = len(get(name, Accept_Encoding='br').body)
            wait += ['/console/assets/' + f for f in re.findall(rb'"\./([\w.-]+\.js)"', get(name).body) for f in [f.decode()]]
    return seen


def first(name):
    body = get(name).body
    return set([name]).union(*[first('/console/assets/' + f.decode()) for f in re.findall(rb'(?:from|import)"\./([\w.-]+\.js)"', body)])


main = next(a for a in assets if a.endswith('.js'))
every = scripts([main])
screen = sum(every[f] for f in first(main))
t.note(f'first screen: {screen} bytes of script by brotli; all: {sum(every.values())} in {len(every)} files; style: '
       f'{len(get(next(a for a in assets if a.endswith(".css")), Accept_Encoding="br").body)}')
t.ok(screen <= 60 * 1024, 'first screen: at most 60 KB of script', screen)
t.ok(sum(every.values()) <= 150 * 1024, 'all script: at most 150 KB', every)
t.same(n.stop(), 0, 'stops cleanly')
t.done()
