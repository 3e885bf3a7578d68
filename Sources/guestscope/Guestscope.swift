import Commands
import GDBStub
import Glibc

@main
struct Guestscope {
  static func main() {
    let debt = ResumeDebt()
    let interrupts = Interrupts()
    takeSignals(paying: debt, interrupts)
    takeCrashes(paying: debt)
    exit(
      CommandLineTool.run(
        Array(CommandLine.arguments.dropFirst()), debt: debt, interrupts: interrupts))
  }
}
