// Takes the README's pictures of mails from a preview: node local/pictures_of_mails.mjs out/preview docs/images
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [folder, pictures] = process.argv.slice(2);
const PHONE = { width: 410, height: 980 }, DESK = { width: 600, height: 980 };
// The first mail that has these words.
const WANTED = [
  ["failed", ["<title>[Failed]"], PHONE, "light"],
  ["scheduled", ["<title>[Scheduled]", "Inside your window"], PHONE, "light"],
  ["digest", ["<title>[13 failed]"], DESK, "dark"],
];

const pages = readdirSync(folder).filter((name) => name.endsWith(".html")).sort();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const [name, words, viewport, colorScheme] of WANTED) {
  const file = pages.map((page) => join(folder, page)).find((page) => {
    const text = readFileSync(page, "utf8");
    return words.every((word) => text.includes(word));
  });
  const page = await browser.newPage({ viewport, colorScheme, deviceScaleFactor: 1.5 });
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}
await browser.close();
