//! The kernel as Jupyter talks to it: its five sockets, and what is answered to which message.

mod message;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeromq::{PubSocket, RepSocket, RouterSocket, Socket, SocketRecv, SocketSend, ZmqMessage};

use crate::cell::{Cells, Outcome};
use crate::checkout::VERSION;
use crate::console::Console;
use crate::interrupt;
use crate::problem::Problem;
use crate::sandbox::Sandbox;
use message::{Message, Session};

const RESTART: &str = "Restart the kernel";

/// How long the last answers have to be sent.
const FAREWELL: Duration = Duration::from_millis(100);

/// What Jupyter's connection file says.
#[derive(Deserialize)]
struct Connection {
    transport: String,
    ip: String,
    key: String,
    control_port: u16,
    shell_port: u16,
    stdin_port: u16,
    hb_port: u16,
    iopub_port: u16,
}

/// A message that was sent to the kernel, and when it came.
struct Request {
    message: Message,
    arrived: Instant,
}

/// The ways out.
#[derive(Clone)]
struct Outlet {
    session: Session,
    iopub: UnboundedSender<ZmqMessage>,
    shell: UnboundedSender<ZmqMessage>,
    control: UnboundedSender<ZmqMessage>,
    stdin: UnboundedSender<ZmqMessage>,
}

impl Outlet {
    /// Tells all who listen.
    fn publish(&self, parent: &Value, kind: &str, content: Value) {
        // Where no one is left to send it to, the kernel is ending.
        let _ = self.iopub.send(self.session.write(&self.session.about(parent, kind, content)));
    }

    fn state(&self, request: &Message, state: &str) {
        self.publish(&request.header, "status", json!({"execution_state": state}));
    }

    fn reply(&self, request: &Message, content: Value) {
        let _ = self.shell.send(self.session.write(&self.session.reply(request, content)));
    }
}

/// What cells print belongs to the cell that runs, or ran: the header of the request that asked for it.
type Parent = Arc<Mutex<Value>>;

/// Serves Jupyter until it wants the kernel to end.
pub fn serve(connection_file: &Path, sandbox: &Sandbox) -> Result<(), Problem> {
    let text = std::fs::read_to_string(connection_file).map_err(Problem::io("read", connection_file, RESTART))?;
    let connection: Connection = serde_json::from_str(&text).map_err(|error| Problem::Format {
        path: connection_file.to_owned(),
        reason: error.to_string(),
        remedy: RESTART,
    })?;
    check(&connection, connection_file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Problem::io("start threads for", connection_file, RESTART))?;
    let served = runtime.block_on(serve_sockets(connection, sandbox));
    runtime.shutdown_timeout(FAREWELL);
    served.map_err(|message| Problem::Failed { what: "talking to Jupyter".to_owned(), message })
}

/// An error if others than this user could talk to the kernel, which runs what it is told to: messages must be signed,
/// with a key that only this user can read.
fn check(connection: &Connection, file: &Path) -> Result<(), Problem> {
    if connection.key.is_empty() {
        return Err(Problem::Format {
            path: file.to_owned(),
            reason: "it has no key, so that any user of this machine could run cells here".to_owned(),
            remedy: "Take `Session.key` out of Jupyter's configuration, then start the kernel again",
        });
    }
    let mode = std::fs::metadata(file).map_err(Problem::io("look at", file, RESTART))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).map_err(Problem::io(
        "keep others from reading",
        file,
        RESTART,
    ))
}

async fn bind<S: Socket>(connection: &Connection, port: u16) -> Result<S, String> {
    let mut socket = S::new();
    let address = format!("{}://{}:{port}", connection.transport, connection.ip);
    socket.bind(&address).await.map_err(|error| format!("cannot listen at {address}: {error}"))?;
    Ok(socket)
}

async fn serve_sockets(connection: Connection, sandbox: &Sandbox) -> Result<(), String> {
    let session = Session::new(&connection.key);
    let mut heartbeat: RepSocket = bind(&connection, connection.hb_port).await?;
    let iopub: PubSocket = bind(&connection, connection.iopub_port).await?;
    let (shell_out, mut shell_in) = bind::<RouterSocket>(&connection, connection.shell_port).await?.split();
    let (control_out, mut control_in) = bind::<RouterSocket>(&connection, connection.control_port).await?.split();
    let (stdin_out, mut stdin_in) = bind::<RouterSocket>(&connection, connection.stdin_port).await?.split();
    tokio::spawn(async move {
        while let Ok(beat) = heartbeat.recv().await {
            let _ = heartbeat.send(beat).await;
        }
    });
    let outlet = Outlet {
        session: session.clone(),
        iopub: send_all(iopub),
        shell: send_all(shell_out),
        control: send_all(control_out),
        stdin: send_all(stdin_out),
    };

    let (answers, input) = channel();
    let reading = session.clone();
    tokio::spawn(async move {
        while let Ok(received) = stdin_in.recv().await {
            let Some(message) = reading.read(received) else { continue };
            let _ = answers.send(message.content["value"].as_str().unwrap_or_default().to_owned());
        }
    });

    let (requests, queue) = channel();
    let (reading, answering) = (session.clone(), outlet.clone());
    tokio::spawn(async move {
        while let Ok(received) = shell_in.recv().await {
            if let Some(message) = reading.read(received) {
                receive(message, &answering, &requests);
            }
        }
    });

    let parent = Parent::default();
    let console: Arc<Mutex<Option<Arc<Console>>>> = Arc::default();
    let (printing, told) = (outlet.clone(), parent.clone());
    let cells = Cells::open(sandbox, move |stream, text| {
        let parent = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        printing.publish(&parent, "stream", json!({"name": stream.name(), "text": text}));
    });
    if let (Ok(cells), Ok(mut console)) = (&cells, console.lock()) {
        *console = Some(cells.console());
    }
    let executing = outlet.clone();
    std::thread::spawn(move || {
        Executor { outlet: executing, cells, parent, input, count: 0, failed: None }.run(&queue);
    });

    while let Ok(received) = control_in.recv().await {
        let Some(request) = session.read(received) else { continue };
        outlet.state(&request, "busy");
        let content = match request.kind() {
            "kernel_info_request" => about_the_kernel(),
            "interrupt_request" => {
                if let Some(console) = console.lock().ok().and_then(|console| console.clone()) {
                    interrupt::interrupt(sandbox, &console);
                }
                json!({"status": "ok"})
            }
            "shutdown_request" => json!({"status": "ok", "restart": request.content["restart"]}),
            _ => json!({"status": "error", "ename": "Unknown", "evalue": request.kind(), "traceback": []}),
        };
        let _ = outlet.control.send(session.write(&session.reply(&request, content)));
        outlet.state(&request, "idle");
        if request.kind() == "shutdown_request" {
            tokio::time::sleep(FAREWELL).await;
            return Ok(());
        }
    }
    Ok(())
}

/// Sends what is put in, in order.
fn send_all(mut socket: impl SocketSend + Send + 'static) -> UnboundedSender<ZmqMessage> {
    let (sender, mut receiver): (_, UnboundedReceiver<ZmqMessage>) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            // Those who have gone need no answer.
            let _ = socket.send(message).await;
        }
    });
    sender
}

/// Answers what needs no evcxr, also while a cell runs, and puts everything else into the queue.
fn receive(message: Message, outlet: &Outlet, queue: &Sender<Request>) {
    let answer = match message.kind() {
        "kernel_info_request" => about_the_kernel(),
        "is_complete_request" => json!({"status": "complete"}),
        "comm_info_request" => json!({"status": "ok", "comms": {}}),
        "history_request" => json!({"status": "ok", "history": []}),
        "execute_request" | "complete_request" | "inspect_request" => {
            let _ = queue.send(Request { message, arrived: Instant::now() });
            return;
        }
        "comm_open" => {
            outlet.publish(&message.header, "comm_close", json!({"comm_id": message.content["comm_id"], "data": {}}));
            return;
        }
        _ => return,
    };
    outlet.state(&message, "busy");
    outlet.reply(&message, answer);
    outlet.state(&message, "idle");
}

fn about_the_kernel() -> Value {
    json!({
        "status": "ok",
        "protocol_version": "5.3",
        "implementation": "maturation-kernel",
        "implementation_version": VERSION,
        "banner": format!("maturation {VERSION}, a crate for Rust notebooks"),
        "language_info": {
            "name": "Rust",
            "version": "",
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
        },
        "help_links": [{"text": "Rust's library", "url": "https://doc.rust-lang.org/stable/std/"}],
    })
}

/// Does one request after the other.
struct Executor {
    outlet: Outlet,
    cells: Result<Cells, Problem>,
    parent: Parent,
    /// Answers to cells' questions.
    input: Receiver<String>,
    /// How many cells were run.
    count: u64,
    /// When a cell failed: cells that were asked for before are not run.
    failed: Option<Instant>,
}

impl Executor {
    fn run(&mut self, queue: &Receiver<Request>) {
        for request in queue {
            let message = &request.message;
            self.outlet.state(message, "busy");
            let content = match message.kind() {
                "complete_request" => self.complete(message),
                "inspect_request" => self.inspect(message),
                _ if self.failed.is_some_and(|failed| request.arrived < failed) => json!({"status": "aborted"}),
                _ => self.execute(message),
            };
            self.outlet.reply(message, content);
            self.outlet.state(message, "idle");
        }
    }

    fn execute(&mut self, request: &Message) -> Value {
        let is_silent = request.content["silent"].as_bool().unwrap_or(false);
        if !is_silent {
            self.count += 1;
            let content = json!({"code": request.code(), "execution_count": self.count});
            self.outlet.publish(&request.header, "execute_input", content);
        }
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = request.header.clone();
        let Outcome { content, failure } = self.outcome(request);
        if !content.is_empty() && !is_silent {
            let content = json!({"execution_count": self.count, "data": content, "metadata": {}});
            self.outlet.publish(&request.header, "execute_result", content);
        }
        let Some(failure) = failure else {
            return json!({
                "status": "ok", "execution_count": self.count, "payload": [], "user_expressions": {},
            });
        };
        let traceback: Vec<&str> = failure.text.lines().collect();
        let error = json!({"ename": failure.name, "evalue": failure.value, "traceback": traceback});
        self.outlet.publish(&request.header, "error", error.clone());
        if request.content["stop_on_error"].as_bool().unwrap_or(true) {
            self.failed = Some(Instant::now());
        }
        json!({
            "status": "error", "execution_count": self.count,
            "ename": failure.name, "evalue": failure.value, "traceback": traceback,
        })
    }

    fn outcome(&mut self, request: &Message) -> Outcome {
        let cells = match &mut self.cells {
            Ok(cells) => cells,
            Err(problem) => {
                let words = format!("{problem}\nWhen that is mended, restart the kernel.");
                return Outcome { failure: Some(crate::report::of_words(&words)), ..Outcome::default() };
            }
        };
        let (outlet, input) = (&self.outlet, &self.input);
        let may_ask = request.content["allow_stdin"].as_bool().unwrap_or(false);
        cells.run(request.code(), &|prompt, is_secret| {
            if !may_ask {
                return String::new();
            }
            let content = json!({"prompt": prompt, "password": is_secret});
            let question = outlet.session.about(&request.header, "input_request", content);
            let question = Message { addresses: request.addresses.clone(), ..question };
            let _ = outlet.stdin.send(outlet.session.write(&question));
            input.recv().unwrap_or_default()
        })
    }

    fn complete(&mut self, request: &Message) -> Value {
        let (code, place) = (request.code(), request.cursor());
        let found = self.cells.as_mut().ok().and_then(|cells| cells.completions(code, place));
        let characters = |place: usize| code.get(..place).unwrap_or(code).chars().count();
        let (start, end) = found.as_ref().map_or((place, place), |found| (found.start_offset, found.end_offset));
        let (start, end) = (characters(start), characters(end));
        let all = found.map(|found| found.completions).unwrap_or_default();
        let kinds: Vec<Value> =
            all.iter().map(|one| json!({"text": one.label, "type": one.kind, "start": start, "end": end})).collect();
        json!({
            "status": "ok",
            "matches": all.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(),
            "cursor_start": start,
            "cursor_end": end,
            "metadata": {"_jupyter_types_experimental": kinds},
        })
    }

    fn inspect(&mut self, request: &Message) -> Value {
        let found = self.cells.as_mut().ok().and_then(|cells| cells.inspect(request.code(), request.cursor()));
        let data = found.map(|(plain, html)| json!({"text/plain": plain, "text/html": html}));
        json!({
            "status": "ok",
            "found": data.is_some(),
            "data": data.unwrap_or_else(|| json!({})),
            "metadata": {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_can_read_the_connection_file_can_talk_to_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kernel-1.json");
        std::fs::write(&file, "{}").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let connection = |key: &str| Connection {
            transport: "tcp".to_owned(),
            ip: "127.0.0.1".to_owned(),
            key: key.to_owned(),
            control_port: 0,
            shell_port: 0,
            stdin_port: 0,
            hb_port: 0,
            iopub_port: 0,
        };
        let message = check(&connection(""), &file).unwrap_err().to_string();
        assert!(message.contains("kernel-1.json") && message.contains("no key"), "{message}");
        check(&connection("secret"), &file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
