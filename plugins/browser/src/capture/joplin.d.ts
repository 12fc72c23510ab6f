declare module "@joplin/turndown-plugin-gfm" {
  import type { Plugin } from "turndown";

  const gfm: { readonly tables: Plugin; readonly strikethrough: Plugin; readonly taskListItems: Plugin };
  export default gfm;
}
