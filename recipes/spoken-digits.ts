// A 1-D network on the raw waves of the Free Spoken Digit Dataset: at least 95 % of index 0–4 of each speaker.
process.argv.push("--full");
await import("../examples/13-spoken-digits.ts");
