// The one stream of all tabs of a session: browsers open six connections to a host over HTTP/1.1, and each tab would hold one.
import { Source } from "./source.js";

const tabs = new Set();
const source = new Source((said) => tabs.forEach((tab) => tab.postMessage(said)));

function hear(tab, said) {
  if (said.leave) {
    tabs.delete(tab);
    if (!tabs.size) source.close();
    return;
  }
  tabs.add(tab);
  if (said.join) tab.postMessage(source.joined());
  source.open(said.silent);
}

self.onconnect = ({ ports: [tab] }) => {
  tab.onmessage = ({ data }) => hear(tab, data);
};
