// Runs before the page is drawn, so that a chosen theme never flashes into the other one.
const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
