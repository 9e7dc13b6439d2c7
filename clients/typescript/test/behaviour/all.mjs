// Every case.

import "./calls.mjs";
import "./connection.mjs";
import "./session.mjs";
import "./served.mjs";
import "./scripted.mjs";

export { cases } from "./cases.mjs";
export { setting } from "./remote.mjs";
