//! Figures that can't be written.

use super::Folder;
use crate::contract::World;
use crate::contract::world::SECOND;
use crate::*;

#[tokio::test]
async fn figures_that_cannot_be_written_are_lost_alone() {
    let mut w = World::new(Box::new(Folder::default())).await;
    let (app, e) = w.app_and_endpoint().await;
    w.accept(w.message(app, "lost").await).await;
    w.store.on_writer(|conn| conn.execute_batch("ALTER TABLE figure_endpoint RENAME TO away").unwrap()).await;
    w.deliver_all().await;
    w.advance(SECOND).await;
    w.store.on_writer(|conn| conn.execute_batch("ALTER TABLE away RENAME TO figure_endpoint").unwrap()).await;
    w.send(app).await;
    w.deliver_all().await;
    w.advance(SECOND).await;
    let search = Search { types: vec!["lost".into()], ..Search::default() };
    let page = PageQuery { limit: 5, cursor: None, order: Order::Descending };
    let found = w.store.search_messages(w.org, page, search).await.unwrap();
    assert_eq!(found.page.data.len(), 1, "what was not counted is found");
    w.restart().await;
    let of_endpoint = w.store.endpoint_figures(vec![e], w.now()).await.unwrap().remove(0);
    assert_eq!(of_endpoint.total.delivered, 1, "the second; those of the first were lost");
    let of_app = w.store.app_figures(w.org, vec![app], w.now()).await.unwrap().remove(0);
    assert_eq!(of_app.total.messages, 1, "with all that would have been written with them");
}
