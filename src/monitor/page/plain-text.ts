import { Fragment, options, type VNode } from 'preact'

// C0 and C1 control characters except tabs and line breaks, and bidirectional marks, which reverse the text after them.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const SHOWN_ATTRIBUTES = ['title', 'aria-label', 'placeholder', 'label']

/**
 * From now on, all text that elements show has escapes in place of control characters, as in the output of the commands:
 * names, arguments and errors come from the wire, and could show another text than they are. The values of fields, and
 * what is sent, stay as they are.
 */
export function showControlCharacters(): void {
  const before = options.vnode
  options.vnode = (vnode) => {
    if (typeof vnode.type === 'string' || vnode.type === Fragment) escapeTexts(vnode.props)
    before?.(vnode)
  }
}

function escapeTexts(props: VNode['props']): void {
  const shown = props as Record<string, unknown>
  const { children } = shown
  if (Array.isArray(children)) shown.children = children.map(escaped)
  else if (typeof children === 'string') shown.children = escaped(children)
  for (const name of SHOWN_ATTRIBUTES) if (typeof shown[name] === 'string') shown[name] = escaped(shown[name])
}

function escaped<T>(value: T): T | string {
  if (typeof value !== 'string') return Array.isArray(value) ? (value.map(escaped) as T) : value
  return value.replaceAll('\r\n', '\n').replace(UNPRINTABLE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
