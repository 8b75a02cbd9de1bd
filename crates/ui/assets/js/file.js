// A text file that is chosen fills the field that [data-file-to="#id"] names.
document.addEventListener("change", async (event) => {
  const to = event.target.dataset?.fileTo, file = to && event.target.files[0];
  if (file) document.querySelector(to).value = await file.text();
});
