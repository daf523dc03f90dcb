import { useEffect, useState } from 'preact/hooks'

/** The base path of the monitor: `''`, or a path like `/twq`. */
export const BASE = document.documentElement.dataset.base ?? ''

/** A view and its parameters; every one has an address. */
export interface Address {
  /** Without the base: `/tasks/a1`. */
  readonly path: string
  readonly query: URLSearchParams
}

/** The login, which leads back to the current view. */
export function loginHref(): string {
  return hrefOf('/login', { to: `${location.pathname.slice(BASE.length)}${location.search}` })
}

/** The URL after the login: the page in `to`, always under this monitor's origin and base path, else the overview. */
export function afterLogin(): string {
  const to = addressNow().query.get('to') ?? '/'
  const url = to.startsWith('/') ? new URL(`${location.origin}${BASE}${to}`) : undefined
  return url?.pathname.startsWith('//') === false ? url.href : hrefOf('/')
}

const CHANGED = 'twq:address'

/** The current address. */
export function addressNow(): Address {
  const path = location.pathname.slice(BASE.length).replace(/\/+$/, '')
  return { path: path === '' ? '/' : path, query: new URLSearchParams(location.search) }
}

/** The link to a view; empty parts of `query` are left out. */
export function hrefOf(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1])
  const search = new URLSearchParams(given).toString()
  return `${BASE}${path}${search === '' ? '' : `?${search}`}`
}

/** Navigates to another view; `replace` adds no history entry, for filters that change with every letter. */
export function goTo(href: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', href)
  else history.replaceState(null, '', href)
  dispatchEvent(new Event(CHANGED))
}

/** The address, now and after every change. Links within the page are followed without loading it again. */
export function useAddress(): Address {
  const [address, setAddress] = useState(addressNow)
  useEffect(() => {
    const changed = () => setAddress(addressNow())
    addEventListener('popstate', changed)
    addEventListener(CHANGED, changed)
    document.addEventListener('click', followLink)
    return () => {
      removeEventListener('popstate', changed)
      removeEventListener(CHANGED, changed)
      document.removeEventListener('click', followLink)
    }
  }, [])
  return address
}

function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
  const link = (event.target as Element | null)?.closest('a')
  if (link?.target !== '' || link.origin !== location.origin || link.hasAttribute('data-load')) return
  if (!link.pathname.startsWith(BASE) || link.hash !== '') return
  event.preventDefault()
  goTo(link.pathname + link.search)
  scrollTo(0, 0)
  document.getElementById('main')?.focus({ preventScroll: true })
}
