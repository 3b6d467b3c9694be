/** How every command ends when it cannot do its work: one line on standard error and exit code 1, 2 when it was called wrongly. */

/** The command line itself is wrong; the message says what to give instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Runs a command's main function and turns what it throws into a message and an exit code. */
export async function runCommand(command: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const wrongCall =
      error instanceof UsageError ||
      (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
    process.stderr.write(`${command}: ${error instanceof Error ? error.message : String(error)}\n`);
    if (wrongCall) process.stderr.write(`See "npm run -s ${command} -- --help".\n`);
    process.exitCode = wrongCall ? 2 : 1;
  }
}

/** A whole number of at least `least` out of an option's text. */
export function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || text.trim() === "")
    throw new UsageError(`--${option} is "${text}"; it must be a whole number of at least ${least}.`);
  return value;
}

/** An option's JSON. */
export function json(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--${option} is not JSON: ${(error as Error).message}. It was: ${text}`);
  }
}
