import Commands
import Glibc
import GuestScopeGDBStub

@main
struct Guestscope {
  static func main() {
    if GuardianProcess.isMeant(by: CommandLine.arguments) { GuardianProcess.run() }
    let debt = ResumeDebt()
    let interrupts = Interrupts()
    takeSignals(paying: debt, interrupts)
    takeCrashes(paying: debt)
    exit(
      CommandLineTool.run(
        Array(CommandLine.arguments.dropFirst()), debt: debt, guardian: "/proc/self/exe",
        interrupts: interrupts))
  }
}
