// The first import of every entry: htmx and its extensions find each other by globalThis.htmx.
import htmx from "htmx.org";

globalThis.htmx = htmx;
export default htmx;
