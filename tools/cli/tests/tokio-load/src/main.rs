//! Thousands of connections over loopback, all in one process: each client sends lines, the server
//! sends them back reversed, and the sums are printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const CONNECTIONS: u64 = 3000;
const AT_ONCE: usize = 200;
const LINES: u64 = 5;

#[inline(never)]
fn site_reversed(line: &str) -> String {
    line.trim_end().chars().rev().chain(['\n']).collect()
}

async fn serve(stream: TcpStream) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    while let Some(line) = lines.next_line().await? {
        writing.write_all(site_reversed(&line).as_bytes()).await?;
    }
    Ok(())
}

async fn ask(address: std::net::SocketAddr, client: u64) -> std::io::Result<u64> {
    let (reading, mut writing) = TcpStream::connect(address).await?.into_split();
    let mut answers = BufReader::new(reading).lines();
    let mut sum = 0;
    for line in 0..LINES {
        let text = format!("{:0>40}\n", client * LINES + line);
        writing.write_all(text.as_bytes()).await?;
        let answer = answers.next_line().await?.expect("an answer to each line");
        let number: String = answer.chars().rev().collect();
        sum += number.parse::<u64>().expect("the number that was sent");
    }
    Ok(sum)
}

#[tokio::main(worker_threads = 4)]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let (sum, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(AT_ONCE)));
    let mut clients = Vec::new();
    for client in 0..CONNECTIONS {
        let (sum, gate) = (Arc::clone(&sum), Arc::clone(&gate));
        clients.push(tokio::spawn(async move {
            let _permit = gate.acquire().await.expect("it is never closed");
            sum.fetch_add(ask(address, client).await.expect("served"), Ordering::Relaxed);
        }));
    }
    for client in clients {
        client.await.expect("no client panics");
    }
    let expected = (0..CONNECTIONS * LINES).sum::<u64>();
    println!("{} {}", sum.load(Ordering::Relaxed), expected);
    Ok(())
}
