import { render } from 'preact';

function Page() {
  return <main><h1>聯防 Lianfang</h1></main>;
}

render(<Page />, document.getElementById('app')!);
