// Opens every .html file of a folder in headless Chromium, light and dark, at several widths, as it is and
// with its style sheets taken out, and prints as JSON what is wrong with it: sideways scrolling, and what
// axe-core finds against WCAG A and AA; and where the first command ends and how high the page is on a phone.
//
//   node tests/channels/check.mjs FOLDER [SCREENSHOTS]
//
// WIDTHS=600,800 takes others; an empty one leaves the phone alone.

import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { chromium } from "playwright-core";

const [folder, screenshots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const files = readdirSync(folder).filter((name) => name.endsWith(".html") && name !== "index.html").sort();
if (screenshots) mkdirSync(screenshots, { recursive: true });

const WIDTHS = (process.env.WIDTHS ?? "320,600,800").split(",").filter(Boolean).map(Number);
const PHONE = { width: 390, height: 844 };
const AXE = {
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
  resultTypes: ["violations"],
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const results = [];
try {
  await Promise.all(["light", "dark"].map(async (colorScheme) => {
    // Without style sheets nothing is dark.
    const looks = !WIDTHS.length ? [] : colorScheme === "light" ? ["kept", "stripped"] : ["kept"];
    const context = await browser.newContext({ colorScheme, offline: true });
    const page = await context.newPage();
    // Each file is written into this one document: a page of its own for each would read axe-core again.
    if (looks.length) await page.evaluate(axe);
    for (const name of files) {
      if (!looks.length && colorScheme === "dark") continue;
      await page.setContent(readFileSync(join(folder, name), "utf8"));
      if (colorScheme === "light") {
        await page.setViewportSize(PHONE);
        const phone = await page.evaluate(() => {
          const command = document.querySelector("code.command")?.closest("td").getBoundingClientRect();
          return { height: document.documentElement.scrollHeight, commandEnd: command ? command.bottom : null };
        });
        results.push({ name: basename(name, ".html"), phone });
      }
      for (const styles of looks) {
        if (styles === "stripped") {
          await page.evaluate(() => document.querySelectorAll("style").forEach((style) => style.remove()));
        }
        // Colours alone are others in the dark: what is as wide there is as wide in light.
        for (const width of colorScheme === "light" ? WIDTHS : WIDTHS.slice(0, 1)) {
          await page.setViewportSize({ width, height: 900 });
          // Layout has two states, narrow and wide: axe looks at both in light, and at the narrow one in dark
          // and without styles.
          const axed = width === WIDTHS[0] || (width === WIDTHS.at(-1) && styles === "kept");
          const { violations, ...looked } = await page.evaluate(async (options) => ({
            overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            text: document.body.innerText.replace(/\s+/g, " ").trim(),
            violations: options ? (await window.axe.run(document, options)).violations : [],
          }), axed ? AXE : null);
          const found = violations.map(({ id, nodes }) => ({
            id, nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => ({ html: html.slice(0, 200), failureSummary })),
          }));
          results.push({ name: basename(name, ".html"), colorScheme, styles, width, ...looked, axe: axed, violations: found });
          if (screenshots) {
            const path = join(screenshots, `${basename(name, ".html")}-${colorScheme}-${width}-${styles}.png`);
            await page.screenshot({ path, fullPage: true });
          }
        }
      }
    }
    await context.close();
  }));
} finally {
  await browser.close();
}
console.log(JSON.stringify(results));
