/** A text of a task as it is; what is long is scrolled, by the keyboard, too. */
export function Code({ text }: { readonly text: string }) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without it what is scrolled can't be reached by the keyboard
  return <pre tabIndex={0}>{text}</pre>
}
