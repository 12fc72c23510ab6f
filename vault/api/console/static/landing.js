// Who comes without the secret path, but is signed in, goes on to the path that this browser remembers. Who has to sign in
// again tells the word by which the server knows this browser, so that no stranger's wrong passphrases hold it up.

const place = localStorage.getItem("place");
const next = document.querySelector('meta[name="vault-next"]')?.content;
if (place && next) location.replace(place + next);
for (const field of document.querySelectorAll('input[name="knock"]')) field.value = localStorage.getItem("knock") ?? "";
