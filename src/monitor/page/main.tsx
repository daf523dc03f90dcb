import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/tables.css'
import { App } from './app.tsx'
import { showControlCharacters } from './plain-text.ts'

showControlCharacters()
const root = document.getElementById('root')
if (root !== null) render(<App />, root)
