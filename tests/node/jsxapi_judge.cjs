// Cisco's own client judges a simulated codec: node jsxapi_judge.cjs PORT USER PASSWORD. Prints one JSON object.
//
// jsxapi reaches a codec over SSH, where `tsh` speaks without a prompt and ends lines with LF. Our codec speaks on a plain
// TCP port: this script logs in and takes the CR away, and everything else is jsxapi's own doing.
const net = require("net");
const { Duplex } = require("stream");
const { default: XAPI } = require("jsxapi/lib/xapi");
const { default: TSH } = require("jsxapi/lib/backend/tsh");

const [port, user, password] = [Number(process.argv[2]), process.argv[3], process.argv[4]];

class Telnet extends Duplex {
  constructor(socket) {
    super();
    this.socket = socket;
    this.inside = false;
    this.text = "";
    socket.on("data", (data) => this.heard(data.toString("utf8")));
    socket.on("close", () => this.emit("close"));
    socket.on("error", (error) => this.emit("error", error));
  }
  heard(text) {
    if (this.inside) return this.push(Buffer.from(text.replace(/\r/g, "")));
    this.text += text;
    if (/login: $/.test(this.text)) { this.text = ""; this.socket.write(user + "\n"); }
    else if (/Password: $/.test(this.text)) { this.text = ""; this.inside = true; this.socket.write(password + "\n"); }
  }
  _read() {}
  _write(chunk, _encoding, done) { this.socket.write(chunk, done); }
  close() { this.socket.end(); }
}

const told = async (promise) => { try { return { value: await promise }; } catch (e) { return { error: e.message || String(e) }; } };

(async () => {
  const socket = net.connect(port, "127.0.0.1");
  const xapi = new XAPI(new TSH(new Telnet(socket)));
  const problems = [];
  xapi.on("error", (error) => problems.push(String(error)));
  await new Promise((resolve) => xapi.on("ready", resolve));
  const seen = {};
  seen.volume = await told(xapi.Status.Audio.Volume.get());
  seen.system = await told(xapi.Status.SystemUnit.State.get());
  seen.product = await told(xapi.Status.SystemUnit.ProductId.get());
  seen.registration = await told(xapi.Status.SIP.Registration.get());
  seen.calls = await told(xapi.Status.Call.get());
  seen.nowhere = await told(xapi.status.get("Nowhere At All"));
  seen.unknown = await told(xapi.command("Make Coffee", { Sugar: 2 }));
  const volumes = [];
  const heard = new Promise((resolve) => {
    const feedback = xapi.Status.Audio.Volume.on((value) => { volumes.push(value); resolve(); });
    seen.registered = told(feedback.registration);
  });
  seen.registered = await seen.registered;
  seen.set = await told(xapi.Command.Audio.Volume.Set({ Level: 33 }));
  await heard;
  seen.volumes = volumes;
  seen.wake = await told(xapi.Command.Standby.Deactivate());
  seen.dial = await told(xapi.Command.Dial({ Number: "giaoban@hnth.example" }));
  seen.call = await told(xapi.Status.Call.get());
  seen.hangUp = await told(xapi.Command.Call.Disconnect());
  seen.config = await told(xapi.Config.SystemUnit.Name.set("phòng"));
  const closed = new Promise((resolve) => socket.on("close", resolve));
  seen.boot = await told(xapi.Command.SystemUnit.Boot({ Action: "Restart" }));
  await closed;
  seen.problems = problems;
  process.stdout.write(JSON.stringify(seen) + "\n", () => process.exit(0));
})();
