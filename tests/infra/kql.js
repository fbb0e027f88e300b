// Microsoft's own KQL parser over a JSON list of [database, query] from stdin: prints a JSON list with each
// one's findings, and the operators that it uses. The databases are a workspace, with the columns of
// Application Insights that alerts use, and Resource Graph, whose tables all have the same columns.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const home = path.join(__dirname, "../../node_modules/@kusto/language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(home, file), "utf8"), file);
}
const { GlobalState, KustoCode, Symbols } = Kusto.Language;

const row =
  "(id:string, name:string, type:string, tenantId:string, ['kind']:string, location:string, resourceGroup:string," +
  " subscriptionId:string, managedBy:string, sku:dynamic, plan:dynamic, properties:dynamic, tags:dynamic," +
  " identity:dynamic, zones:dynamic, extendedLocation:dynamic)";
const databases = {
  workspace: {
    AppTraces: "(TimeGenerated:datetime, Message:string, SeverityLevel:int, OperationName:string, Properties:dynamic)",
    AppRequests: "(TimeGenerated:datetime, Name:string, Success:bool, ResultCode:string, DurationMs:real, OperationName:string)",
  },
  graph: {
    resources: row,
    resourcecontainers: row,
    containerserviceeventresources: row,
    aksresources: row,
    servicehealthresources: row,
  },
};

function globals(database) {
  const symbols = Object.entries(databases[database]).map(([name, columns]) =>
    Symbols.TableSymbol.From(columns).WithName(name));
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor(database, symbols));
}

function operators(node) {
  const here = /(\w+)Operator$/.exec(Bridge.getTypeName(node));
  const found = here ? [here[1].toLowerCase()] : [];
  for (let index = 0; index < node.ChildCount; index++) {
    const child = node.GetChild(index);
    if (child) found.push(...operators(child));
  }
  return found;
}

const answers = JSON.parse(fs.readFileSync(0, "utf8")).map(([database, query]) => {
  const code = KustoCode.ParseAndAnalyze(query, globals(database));
  const found = code.GetDiagnostics();
  const findings = Array.from({ length: found.Count }, (_, index) => found.getItem(index).Message);
  return { findings, operators: operators(code.Syntax) };
});
console.log(JSON.stringify(answers));
