// How a receiver checks a signature, in some languages, with the libraries of Standard Webhooks.
import { code, h, tabs } from "./dom.js";

const LANGUAGES = [
  ["Node", "npm install standardwebhooks", `import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

// The body must be the text as it came, not parsed JSON.
app.post("/webhooks", express.text({ type: "*/*" }), (req, res) => {
  const event = webhook.verify(req.body, req.headers); // throws if it is not ours
  res.sendStatus(204);
});`],
  ["Python", "pip install standardwebhooks", `from standardwebhooks.webhooks import Webhook

webhook = Webhook(os.environ["WEBHOOK_SECRET"])

@app.post("/webhooks")
def receive():
    event = webhook.verify(request.get_data(), request.headers)  # raises if it is not ours
    return "", 204`],
  ["Go", "go get github.com/standard-webhooks/standard-webhooks/libraries/go", `webhook, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))

http.HandleFunc("/webhooks", func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if err := webhook.Verify(body, r.Header); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
})`],
  ["Ruby", "gem install standardwebhooks", `require "standardwebhooks"

webhook = StandardWebhooks::Webhook.new(ENV["WEBHOOK_SECRET"])

post "/webhooks" do
  event = webhook.verify(request.body.read, headers) # raises if it is not ours
  204
end`],
  ["PHP", "composer require standard-webhooks/standard-webhooks", `$webhook = new \\StandardWebhooks\\Webhook(getenv("WEBHOOK_SECRET"));

$event = $webhook->verify(file_get_contents("php://input"), getallheaders()); // throws if it is not ours
http_response_code(204);`],
];

export function snippets() {
  return [h("p.muted", null, "Answer with a status of 2xx within 15 seconds. Anything else is tried again later."),
    tabs("Language", LANGUAGES.map(([name, install, text]) => [name, () => [code(install, "the command"), code(text, "the code")]]))];
}
