// Takes a picture of the first card or message of each page given: node local/pictures_of_chats.mjs PAGE PICTURE ...
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const [...rest] = process.argv.slice(2);
while (rest.length) {
  const [file, picture] = rest.splice(0, 2);
  const page = await browser.newPage({ viewport: { width: 700, height: 900 }, deviceScaleFactor: 1.5 });
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.locator(".card, .message").first().screenshot({ path: picture });
}
await browser.close();
