// Runs before the first paint: the chosen theme, and the mark that JavaScript works.
const root = document.documentElement;
root.classList.add("has-js");
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
} catch {
  // Storage is refused: the system's theme holds.
}
