// Microsoft's own KQL parser over a JSON list of queries from stdin: prints a JSON list of each one's findings.
// The tables are those of Application Insights in a workspace, with the columns that alerts use.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const home = path.join(__dirname, "../../node_modules/@kusto/language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(home, file), "utf8"), file);
}
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const tables = {
  AppTraces: "(TimeGenerated:datetime, Message:string, SeverityLevel:int, OperationName:string, Properties:dynamic)",
  AppRequests: "(TimeGenerated:datetime, Name:string, Success:bool, ResultCode:string, DurationMs:real, OperationName:string)",
};
const symbols = Object.entries(tables).map(([name, columns]) => Symbols.TableSymbol.From(columns).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", symbols));

const answers = JSON.parse(fs.readFileSync(0, "utf8")).map((query) => {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, index) => found.getItem(index).Message);
});
console.log(JSON.stringify(answers));
