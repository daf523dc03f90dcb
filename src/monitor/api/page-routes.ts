import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Hono } from 'hono'
import { TwqError } from '../../errors.ts'
import type { ApiEnv, ApiParts } from './context.ts'

/** The views that have an address; the script handles the rest of the path. */
const VIEWS = ['/', '/workers', '/tasks', '/tasks/:id', '/queues', '/failed', '/quarantine', '/schedules', '/audit']

const TYPES: Readonly<Record<string, string>> = {
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'licences.txt': 'text/plain; charset=utf-8',
}

interface Asset {
  readonly type: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly packed: Uint8Array<ArrayBuffer>
}

interface Bundle {
  readonly assets: ReadonlyMap<string, Asset>
  /** Hashes of the content: browsers keep loaded files until they change. */
  readonly version: string
}

/** The page, one document for all views, and its files. Read on the first request. */
export function pageRoutes(app: Hono<ApiEnv>, { basePath, access }: ApiParts): void {
  let read: Bundle | undefined
  const bundle = (): Bundle => {
    read ??= readBundle()
    return read
  }
  app.get('/assets/:version/:name', (c) => {
    const { assets, version } = bundle()
    const asset = assets.get(c.req.param('name'))
    if (asset === undefined || c.req.param('version') !== version) return c.notFound()
    const packs = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '')
    return c.body(packs ? asset.packed : asset.body, 200, {
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
      ...(packs && { 'content-encoding': 'gzip' }),
    })
  })
  for (const view of access.login === undefined ? VIEWS : [...VIEWS, '/login']) {
    app.get(view, (c) => c.html(documentOf(basePath, bundle().version)))
  }
  // A browser gets the page, which says that there is no such view; programs get JSON.
  app.get('*', (c, next) => {
    const isPage = !/^\/(api|assets)(\/|$)/.test(c.req.path.slice(basePath.length))
    if (!isPage || !c.req.header('accept')?.includes('text/html')) return next()
    return c.html(documentOf(basePath, bundle().version), 404)
  })
}

// Works for the sources and the build.
const BUNDLE = new URL('../../../dist/monitor/page/', import.meta.url)

function readBundle(): Bundle {
  const assets = new Map(Object.entries(TYPES).map(([name, type]) => [name, readAsset(name, type)]))
  const hash = createHash('sha256')
  for (const { body } of assets.values()) hash.update(body)
  return { assets, version: hash.digest('hex').slice(0, 12) }
}

function readAsset(name: string, type: string): Asset {
  const path = new URL(name, BUNDLE)
  if (!existsSync(path))
    throw new TwqError('TWQ_INTERNAL', 'the page of the monitor was not built', { hint: 'npm run build' })
  const body = new Uint8Array(readFileSync(path))
  return { type, body, packed: new Uint8Array(gzipSync(body)) }
}

/** The base path is our own and consists of letters that need no escaping. */
function documentOf(basePath: string, version: string): string {
  const assets = `${basePath}/assets/${version}`
  return `<!doctype html>
<html lang="en" data-base="${basePath}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>twq monitor</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets}/page.css">
<script type="module" src="${assets}/page.js"></script>
</head>
<body>
<div id="root"></div>
<noscript><p>This page needs JavaScript. The same data is at <a href="${basePath}/api/overview">${basePath}/api</a>.</p></noscript>
</body>
</html>
`
}
