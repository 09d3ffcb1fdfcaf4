// Runs the functions of CDK's Provider framework with stubs for everything outside, and prints what they write, as JSON.
// Usage: node framework_logs.js <folder of framework.js> <response URL>
const Module = require('module');
const path = require('path');

const [, , folder, responseUrl] = process.argv;
const written = [];
const print = process.stdout.write.bind(process.stdout);

// The runtime of Lambda filters what goes through the console by level, and nothing else.
for (const level of ['trace', 'debug', 'info', 'log', 'warn', 'error', 'fatal', 'dir', 'table']) {
  console[level] = (...parts) => written.push([level, parts.map(String).join(' ')]);
}
for (const stream of ['stdout', 'stderr']) {
  process[stream].write = (text) => written.push([stream, String(text)]);
}
globalThis.setTimeout = (work) => setImmediate(work);

// What the function of the user answers, and the status of the answer to the response.
let user, status;
const stubs = {
  '@aws-sdk/client-lambda': {
    Lambda: class { async invoke() { return user; } },
    waitUntilFunctionActiveV2: async () => {},
  },
  '@aws-sdk/client-sfn': { SFN: class { async startExecution() { return {}; } } },
  https: {
    request: (options, answer) => {
      setImmediate(() => answer({ statusCode: status, resume() {} }));
      return { on() {}, write() {}, end() {} };
    },
  },
};
const load = Module._load;
Module._load = (name, ...rest) => stubs[name] ?? load(name, ...rest);

Object.assign(process.env, {
  USER_ON_EVENT_FUNCTION_ARN: 'arn:aws:lambda:eu-central-1:111122223333:function:handler',
  USER_IS_COMPLETE_FUNCTION_ARN: 'arn:aws:lambda:eu-central-1:111122223333:function:handler',
  WAITER_STATE_MACHINE_ARN: 'arn:aws:states:eu-central-1:111122223333:stateMachine:waiter',
});
const framework = require(path.join(folder, 'framework.js'));

const answers = (payload) => ({ Payload: Buffer.from(JSON.stringify(payload)) });
const fails = () => ({ ...answers({ errorMessage: 'boom', trace: ['boom', 'at handler'] }), FunctionError: 'Unhandled' });
const create = { RequestType: 'Create', StackId: 's', RequestId: 'r', LogicalResourceId: 'l', ResponseURL: responseUrl };
const known = { ...create, RequestType: 'Update', PhysicalResourceId: 'p' };
const marker = 'AWSCDK::CustomResourceProviderFramework::CREATE_FAILED';
const calls = [
  ['onEvent', create, answers({ PhysicalResourceId: 'p', StartedAt: 1 })],
  ['onEvent', create, fails()],
  ['onEvent', known, answers({ PhysicalResourceId: 'q' })],
  ['onEvent', { ...create, RequestType: 'Delete' }, fails()],
  ['onEvent', { ...create, RequestType: 'Delete', PhysicalResourceId: marker }, answers({})],
  ['onEvent', { ...create, RequestType: 'Nothing' }, answers({})],
  ['isComplete', known, answers({ IsComplete: false })],
  ['isComplete', known, answers({ IsComplete: false, Data: { a: 'b' } })],
  ['isComplete', known, answers({ IsComplete: true, Data: { a: 'b' } })],
  ['isComplete', known, fails()],
  ['onTimeout', { Error: 'Retry', Cause: JSON.stringify({ errorMessage: JSON.stringify(known) }) }, answers({})],
  ['onTimeout', { Error: 'Lambda.Unknown', Cause: 'no JSON' }, answers({})],
];

(async () => {
  let raised = 0;
  for (const code of [200, 500]) {
    for (const [name, event, answer] of calls) {
      [user, status] = [answer, code];
      // The runtime writes what is raised at level ERROR.
      await framework[name]({ ...event }).catch((error) => { raised += 1; written.push(['error', error.stack]); });
    }
  }
  print(JSON.stringify({ calls: 2 * calls.length, raised, written }));
})();
