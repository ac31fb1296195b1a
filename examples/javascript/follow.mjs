// A service in another language: it reads the event log from its start, keeps a picture of the market, and goes on from
// where it was when it is started again.
//
//   ticketing serve --nats-url nats://localhost:4222 …
//   npm install && NATS_URL=nats://localhost:4222 npm start
import { connect } from "@nats-io/transport-node";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";

const nc = await connect({ servers: process.env.NATS_URL ?? "nats://localhost:4222" });

// A durable consumer keeps our place in the log, under a name that no other service uses.
const manager = await jetstreamManager(nc);
await manager.consumers.add("TICKETING", {
  durable_name: "example-javascript",
  deliver_policy: DeliverPolicy.All,
  ack_policy: AckPolicy.Explicit,
  filter_subjects: ["ticketing.TicketCreated.>", "ticketing.TicketUpdated.>"],
});
const consumer = await jetstream(nc).consumers.get("TICKETING", "example-javascript");

// Each event carries the whole state of its entity. One that is not newer than what we have is late or a repeat: skip it.
// A real service keeps this in its database, and the version in the same transaction as what it makes of the event.
const tickets = new Map();

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => nc.drain());

for await (const message of await consumer.consume()) {
  const event = message.json(); // CloudEvents 1.0
  const known = tickets.get(event.subject);
  if (!known || known.version < event.data.version) {
    tickets.set(event.subject, event.data);
    const { title, status, price, currency, version } = event.data;
    console.log(`${event.time}  ${title}: ${status} at ${price} ${currency} (version ${version})`);
  }
  message.ack();
}
